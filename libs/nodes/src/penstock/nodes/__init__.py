"""Penstock's node types and the catalog of all that are installed."""

from penstock.nodes.catalog import BadNodeType, catalog

__all__ = ["BadNodeType", "catalog"]
