"""`wait@1` to the engine."""

from penstock.workflow.node_type import NodeType

WAIT = NodeType(
    kind="wait",
    major=1,
    title="Wait",
    description=(
        "Goes on when the signal comes (its data is the output), when the condition holds, after a "
        "duration or at an instant (the output is the payload). With `timeout` and neither in "
        "time, `on_timeout` says what becomes of the node. No worker is held meanwhile."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "signal": {"type": "string", "minLength": 1, "maxLength": 200},
            "condition": {"type": ["string", "boolean"]},
            "every": {"type": ["string", "number"]},
            "duration": {"type": ["string", "number"]},
            "until": {"type": ["string", "number"]},
            "timeout": {"type": ["string", "number"]},
            "on_timeout": {"enum": ["fail", "skip", "complete"]},
            "timeout_output": {},
        },
        "oneOf": [
            {"required": ["signal"]},
            {"required": ["condition"]},
            {"required": ["duration"]},
            {"required": ["until"]},
        ],
        "dependencies": {
            "every": ["condition"],
            "on_timeout": ["timeout"],
            "timeout_output": ["on_timeout"],
        },
        "additionalProperties": False,
    },
    runner="penstock.nodes.wait.run:run",
    raw_fields=("condition",),
)
