"""Summaries of measurements with their uncertainty: distributions, intervals, noise, comparisons."""
