"""`filter@1`: the elements of a list for which a condition holds."""
