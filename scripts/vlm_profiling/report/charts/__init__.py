"""Altair charts from typed rows: a file for each kind, and one registry of all."""
