"""Penstock common."""
