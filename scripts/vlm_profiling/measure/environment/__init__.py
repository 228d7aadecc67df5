"""What a run executes in: device, processors, packages, container."""
