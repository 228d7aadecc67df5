"""Whether a machine can do a study, and how to mend it where it cannot."""
