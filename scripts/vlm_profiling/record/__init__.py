"""What is answered: one typed JSON record a run, written and read in one place."""
