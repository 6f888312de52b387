"""Schedules as state keeps them."""
