"""Penstock embedded."""
