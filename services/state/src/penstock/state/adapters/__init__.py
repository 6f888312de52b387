"""Adapters: where state meets PostgreSQL and the object store."""
