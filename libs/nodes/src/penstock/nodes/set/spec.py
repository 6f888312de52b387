"""`set@1` to the engine."""

from penstock.workflow.node_type import NodeType

SET = NodeType(
    kind="set",
    major=1,
    title="Set",
    description="The output is `value`, with its expressions evaluated.",
    config_schema={
        "type": "object",
        "properties": {"value": {}},
        "required": ["value"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.set.run:run",
    raw_fields=("value",),
)
