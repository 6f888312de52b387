"""Penstock worker."""
