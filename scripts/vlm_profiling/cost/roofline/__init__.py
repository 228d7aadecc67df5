"""Ceilings of a device, and how far each stage is from them."""
