"""`map@1` to the engine."""

from penstock.workflow.node_type import NodeType

MAP = NodeType(
    kind="map",
    major=1,
    title="Map",
    description="Makes a list from `list`: `each` is evaluated for every element, seen as `item`.",
    config_schema={
        "type": "object",
        "properties": {
            "list": {"type": ["array", "string"]},
            "each": {},
        },
        "required": ["list", "each"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.map.run:run",
    raw_fields=("list", "each"),
)
