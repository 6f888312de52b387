"""`workflow@1` to the engine."""

from penstock.workflow.node_type import NodeType

WORKFLOW = NodeType(
    kind="workflow",
    major=1,
    title="Workflow",
    description=(
        "Runs another workflow as an execution of its own and ends as that does: its output is "
        "the node's. With `wait: false` the node is over once the execution is asked for. No "
        "worker is held meanwhile."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "workflow": {"type": "string", "minLength": 1, "maxLength": 100},
            "version": {"type": "integer", "minimum": 1},
            "params": {"type": "object"},
            "wait": {"type": "boolean"},
            "tags": {"type": "array", "maxItems": 50, "items": {"type": "string", "minLength": 1}},
            "priority": {"type": "integer", "minimum": 0, "maximum": 9},
            "on_parent_cancel": {"enum": ["cancel", "continue"]},
        },
        "required": ["workflow"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.workflow.run:run",
    segment_friendly=False,
)
