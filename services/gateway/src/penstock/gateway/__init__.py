"""Penstock gateway."""
