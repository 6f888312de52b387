"""`delay@1` to the engine."""

from penstock.workflow.node_type import NodeType

DELAY = NodeType(
    kind="delay",
    major=1,
    title="Delay",
    description=(
        "Goes on after `duration` (such as 90s, 5m, 1h30m) or at `until` (an ISO 8601 instant). "
        "The output is `value`, or else the node's payload. No worker is held meanwhile."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "duration": {"type": ["string", "number"]},
            "until": {"type": ["string", "number"]},
            "value": {},
        },
        "oneOf": [{"required": ["duration"]}, {"required": ["until"]}],
        "additionalProperties": False,
    },
    runner="penstock.nodes.delay.run:run",
    raw_fields=("value",),
)
