"""`http@1`: one HTTP request."""
