"""Contracts to public JSON and back, one module for each area. Pure; `pictures` takes turns."""
