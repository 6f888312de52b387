"""The addresses of the REST interface."""
