"""Payloads: values too large to travel inline, kept by content."""
