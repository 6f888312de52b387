"""`db.query@1`: read rows from a database."""
