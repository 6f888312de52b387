"""What the REST interface offers: a table of operations for each area."""
