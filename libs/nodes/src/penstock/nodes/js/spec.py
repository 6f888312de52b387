"""`js@1` to the engine. It has no runner: the script goes to the sandbox."""

from penstock.workflow.node_type import NodeType

JS = NodeType(
    kind="js",
    major=1,
    title="JavaScript",
    description="Body of an async function; what it returns is the output.",
    config_schema={
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    },
    runner="sandbox",
)
