"""What a run prints to a terminal or a log."""
