"""Fuyu (adept.ai/blog/fuyu-8b)."""
