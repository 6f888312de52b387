"""Penstock sdk."""
