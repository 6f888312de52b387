"""`csv.read@1` to the engine."""

from penstock.workflow.node_type import NodeType

_KINDS = ["text", "number", "boolean"]

CSV_READ = NodeType(
    kind="csv.read",
    major=1,
    title="CSV file",
    description=(
        "Reads a table: a list of objects by column, or of lists with `header: false`. With "
        "`types: infer` a column whose values are all numbers becomes numbers, one of true and "
        "false booleans."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "path": {"type": "string", "minLength": 1},
            "header": {
                "description": "true: the first line names the columns; or their names.",
                "anyOf": [
                    {"type": "boolean"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ],
            },
            "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
            "encoding": {"type": "string", "minLength": 1},
            "types": {
                "anyOf": [
                    {"enum": ["infer", "text"]},
                    {"type": "object", "additionalProperties": {"enum": _KINDS}},
                ]
            },
            "skip": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer", "minimum": 1},
        },
        "required": ["path"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.csv_read.run:run",
    segment_friendly=False,
)
