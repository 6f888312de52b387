"""`output@1` to the engine: never written in a file, added by the compiler."""

from penstock.workflow.node_type import NodeType

OUTPUT = NodeType(
    kind="output",
    major=1,
    title="Output",
    description="Computes the execution's output, or gathers the outputs of its last nodes by id.",
    config_schema={
        "type": "object",
        "properties": {"value": {}},
        "additionalProperties": False,
    },
    runner="penstock.nodes.output.run:run",
    raw_fields=("value",),
)
