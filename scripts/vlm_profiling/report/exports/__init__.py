"""Results in the shapes of other tools and of papers."""
