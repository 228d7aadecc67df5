"""Data sets: from a package, a folder or the hub to checked, drawn and hashed samples, and back from disk."""
