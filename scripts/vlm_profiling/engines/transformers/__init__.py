"""The engine that runs models with transformers, in this process."""
