"""Which shards are ours, and what is loaded when one becomes so."""
