"""The pages of a study: a file for each subject. Pages are typed (table.py) and read no file."""
