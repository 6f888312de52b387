"""Penstock workflow."""
