"""The family of every model that has none of its own."""
