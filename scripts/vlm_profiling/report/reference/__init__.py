"""Results that others published: where each comes from, and what is doubtful about it."""
