"""Executions that only wait leave memory, and come back."""
