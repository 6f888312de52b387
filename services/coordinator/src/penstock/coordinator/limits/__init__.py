"""Limits across the cluster, pure: who may begin what, and what is known of who runs.

Like the core it knows no clock and no wire: time is passed in, messages are values.
"""
