"""`switch@1`: choose what follows by conditions."""
