"""Answers against references: word error rate, exact match, and how sure both are."""
