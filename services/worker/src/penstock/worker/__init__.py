"""The worker: runs nodes, in segments, for every coordinator."""
