"""Doors to state and to the contracts."""
