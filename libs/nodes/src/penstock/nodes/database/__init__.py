"""What the database node types share: addresses, pools, values, errors. Imported by workers
only."""
