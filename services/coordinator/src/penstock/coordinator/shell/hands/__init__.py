"""What people do to executions: they intervene, answer and debug."""
