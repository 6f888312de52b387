"""The catalog: every installed node type, Penstock's own and third-party ones alike.

A package offers node types by entry points of the group `penstock.nodes`, each naming a `NodeType`
or an iterable of them. Loading the catalog imports the pure halves only; the runners are imported
by workers when first used.
"""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from penstock.workflow.node_type import NodeType

GROUP = "penstock.nodes"


class BadNodeType(Exception):
    """An installed package offers what is no node type, or a name that is taken."""


def _types_of(entry: EntryPoint) -> tuple[NodeType, ...]:
    try:
        offered = entry.load()
    except Exception as error:
        raise BadNodeType(f"node type {entry.name!r} ({entry.value}) fails to load") from error
    if isinstance(offered, NodeType):
        return (offered,)
    types = tuple(offered) if isinstance(offered, Iterable) else ()
    if not types or not all(isinstance(one, NodeType) for one in types):
        raise BadNodeType(f"{entry.value} (node type {entry.name!r}) is not a NodeType")
    return types


def catalog() -> dict[str, NodeType]:
    """All installed node types by name, such as `http@1`.

    Raises `BadNodeType` if an entry point cannot be loaded, or if two packages offer the same name.
    """
    found: dict[str, NodeType] = {}
    origins: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        for node_type in _types_of(entry):
            name = node_type.name
            if origins.setdefault(name, entry.value) != entry.value:
                raise BadNodeType(f"{name} is offered by both {origins[name]} and {entry.value}")
            found[name] = node_type
    return found
