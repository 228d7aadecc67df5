"""Audits: what would have caught a mistake, asked of finished records. One file an audit; `registry.py` lists
them.
"""
