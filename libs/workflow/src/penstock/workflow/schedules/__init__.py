"""Schedules: cron expressions in time zones, and what to do about each of their slots."""
