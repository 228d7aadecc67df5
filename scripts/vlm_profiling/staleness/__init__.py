"""What a record was made of, what is there now, and what that makes of the record."""
