"""The protocol: passes, clock, energy, memory, environment, statistics."""
