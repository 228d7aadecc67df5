"""Summaries of measurements and how sure they are: distributions, intervals, repeat noise, comparisons. Knows
records alone.
"""
