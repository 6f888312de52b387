"""Penstock sandbox."""
