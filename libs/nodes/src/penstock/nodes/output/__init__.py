"""`output@1`: the hidden last node that computes an execution's output."""
