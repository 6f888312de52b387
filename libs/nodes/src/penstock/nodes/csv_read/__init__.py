"""`csv.read@1`: a table from a CSV file."""
