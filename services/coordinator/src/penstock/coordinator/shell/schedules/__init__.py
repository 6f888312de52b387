"""Schedules of the shards that are ours: deciding about slots, and what people ask for."""
