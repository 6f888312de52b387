"""Penstock cli."""
