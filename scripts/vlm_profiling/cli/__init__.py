"""The commands of scripts/vlm.py: one file a command, each with `add_arguments` and `run`."""
