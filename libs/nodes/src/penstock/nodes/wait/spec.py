"""`wait@1` to the engine."""

from penstock.workflow.node_type import NodeType

WAIT = NodeType(
    kind="wait",
    major=1,
    title="Wait",
    description=(
        "Goes on when the signal comes; its data is the output. With `timeout` the node fails if "
        "it does not come in time. No worker is held meanwhile."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "signal": {"type": "string", "minLength": 1, "maxLength": 200},
            "timeout": {"type": ["string", "number"]},
        },
        "required": ["signal"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.wait.run:run",
)
