"""Peak memory predicted from tokens."""
