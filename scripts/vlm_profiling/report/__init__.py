"""What is told: tables merged from the records, charts drawn from the tables, pages written from both. Never
torch.
"""
