"""`set@1`: a value made of expressions."""
