"""InstructBLIP (arXiv 2305.06500)."""
