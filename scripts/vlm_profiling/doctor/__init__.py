"""Whether a machine can do a study, and how to repair it where it cannot."""
