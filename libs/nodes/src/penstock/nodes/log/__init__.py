"""`log@1`: a line in the run's log."""
