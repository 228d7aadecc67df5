"""Engines: what loads a model and runs it. measure/ knows them by engines/base.py alone."""
