"""The shell around the core: turns, shards, leases, timers and workers."""
