"""Altair charts from typed rows."""
