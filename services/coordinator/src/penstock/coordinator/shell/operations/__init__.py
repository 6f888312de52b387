"""What is done to executions as a whole: one again, or very many."""
