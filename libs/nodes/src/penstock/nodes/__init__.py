"""Penstock nodes."""
