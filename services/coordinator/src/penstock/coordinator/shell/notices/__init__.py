"""What executions owe to elsewhere, sent and received."""
