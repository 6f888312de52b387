"""`wait@1`: go on when a signal comes."""
