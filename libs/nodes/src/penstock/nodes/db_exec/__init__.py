"""`db.exec@1`: change a database."""
