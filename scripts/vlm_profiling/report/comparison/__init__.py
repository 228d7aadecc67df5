"""Two results folders, or two optimizations of one, compared."""
