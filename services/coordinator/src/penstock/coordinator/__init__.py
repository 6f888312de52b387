"""Penstock coordinator."""
