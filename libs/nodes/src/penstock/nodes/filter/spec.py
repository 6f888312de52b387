"""`filter@1` to the engine."""

from penstock.workflow.node_type import NodeType

FILTER = NodeType(
    kind="filter",
    major=1,
    title="Filter",
    description="Keeps the elements of `list` for which `where` holds.",
    config_schema={
        "type": "object",
        "properties": {
            "list": {"type": ["array", "string"]},
            "where": {"type": "string", "minLength": 1},
        },
        "required": ["list", "where"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.filter.run:run",
    raw_fields=("list", "where"),
)
