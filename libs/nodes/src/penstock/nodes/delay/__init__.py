"""`delay@1`: go on after a while."""
