"""The passes of one run over its batches."""
