"""BLIP-2, with OPT or Flan-T5 as its language model (arXiv 2301.12597)."""
