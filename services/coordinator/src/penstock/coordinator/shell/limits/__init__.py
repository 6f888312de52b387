"""Limits across the cluster, and quotas: attempts and starts wait or are turned away."""
