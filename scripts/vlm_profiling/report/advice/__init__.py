"""What to try next: one small function a hint, each with its evidence from this run and the most that it can
give.
"""
