"""`approval@1`: go on when a person has decided."""
