"""The library that the scripts share; docs/architecture.md shows its rooms and who may look at whom."""
