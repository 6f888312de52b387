"""`map@1`: a list made of another, element by element."""
