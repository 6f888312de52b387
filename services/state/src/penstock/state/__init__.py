"""Penstock state."""
