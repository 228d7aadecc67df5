"""Hints on what to try next: a function for each, with evidence from this run and its largest gain."""
