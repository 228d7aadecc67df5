"""The audits: checks of finished records for mistakes of measuring. One file each, listed in registry.py."""
