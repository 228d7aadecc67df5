"""The report: charts drawn from the tables, and pages written from both. Never imports torch."""
