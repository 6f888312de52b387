"""What differs between two values, two versions of a workflow, two executions. Pure."""
