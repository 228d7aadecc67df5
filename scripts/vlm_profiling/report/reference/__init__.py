"""Figures that others published, as facts: where each comes from, and what is doubtful about it, stands
beside it.
"""
