"""The study's pages as one static site. Its layout, style and scripts lie beside this file and count as its
code.
"""
