"""How messages name a node, or an item of its fan-out.

References carry 0 for the node itself and one more for each of its items, so that 0 is never an
item. People count items from 0, as JavaScript and every answer do: whoever writes a sentence comes
here.
"""


def named(node_id: str, item: int) -> str:
    """Within a sentence; `item` is numbered as in `NodeRef`."""
    return f"item {item - 1} of node {node_id}" if item else f"node {node_id}"


def named_first(node_id: str, item: int) -> str:
    """At the beginning of one."""
    return f"Item {item - 1} of node {node_id}" if item else f"Node {node_id}"
