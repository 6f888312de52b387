"""Self-contained HTML pages; nothing in them is loaded from elsewhere."""
