"""The public JSON, one module for each area."""
