"""`log@1` to the engine."""

from penstock.workflow.node_type import NodeType

LOG = NodeType(
    kind="log",
    major=1,
    title="Log",
    description="Writes a line into the run's log; the output is the node's payload.",
    config_schema={
        "type": "object",
        "properties": {
            "message": {},
            "level": {"enum": ["debug", "info", "warn", "error"]},
        },
        "required": ["message"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.log.run:run",
)
