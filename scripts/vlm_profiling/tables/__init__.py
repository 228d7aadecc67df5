"""Records to tables, and tables to typed rows."""
