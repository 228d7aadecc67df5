"""The pages' templates. A package of its own, so that only the code that fills them depends on their text."""
