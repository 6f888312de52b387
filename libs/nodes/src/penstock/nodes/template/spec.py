"""`template@1` to the engine."""

from penstock.workflow.node_type import NodeType

TEMPLATE = NodeType(
    kind="template",
    major=1,
    title="Template",
    description=(
        "Text with `${{ expressions }}` and `{{ paths }}`; paths are looked up in `values`, or in "
        "the node's payload. `escape: html` makes what is filled in safe for HTML."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "values": {"type": ["object", "string"]},
            "escape": {"enum": ["none", "html"]},
        },
        "required": ["text"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.template.run:run",
    raw_fields=("text",),
)
