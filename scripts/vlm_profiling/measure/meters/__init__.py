"""Meters of energy, power, clocks and memory."""
