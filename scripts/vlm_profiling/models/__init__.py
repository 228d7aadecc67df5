"""Checkpoints: described, made ready and loaded, with what is particular to each model family in one file."""
