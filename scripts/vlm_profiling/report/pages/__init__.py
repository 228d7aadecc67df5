"""Markdown pages from typed rows."""
