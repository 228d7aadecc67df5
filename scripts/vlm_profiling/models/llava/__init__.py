"""LLaVA 1.5 (arXiv 2310.03744)."""
