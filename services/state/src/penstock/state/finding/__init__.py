"""Finding executions, and what was done about those that failed."""
