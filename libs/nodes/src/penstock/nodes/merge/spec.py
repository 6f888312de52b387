"""`merge@1` to the engine."""

from penstock.workflow.node_type import NodeType

MERGE = NodeType(
    kind="merge",
    major=1,
    title="Merge",
    description=(
        "Makes one value of `values`, or of the outputs of the completed parents: objects into one "
        "(`object`, `deep`), lists end to end (`concat`), a list (`list`), or by parent (`by_id`)."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "mode": {"enum": ["object", "deep", "concat", "list", "by_id"]},
            "values": {"type": ["array", "string"]},
        },
        "additionalProperties": False,
    },
    runner="penstock.nodes.merge.run:run",
    raw_fields=("values",),
)
