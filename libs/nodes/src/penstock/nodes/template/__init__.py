"""`template@1`: text with places filled in."""
