"""A small catalog of node types for tests of workflow files."""

from penstock.workflow.node_type import NodeType

_ANY = {"type": "object"}

JS = NodeType(
    "js", 1, "JavaScript", "", {"type": "object", "additionalProperties": False}, "sandbox"
)
FETCH = NodeType(
    "fetch",
    1,
    "Fetch",
    "",
    {
        "type": "object",
        "properties": {
            "url": {"type": "string", "minLength": 1},
            "method": {"enum": ["GET", "POST"]},
            "tries": {"type": "integer", "minimum": 1},
            "fresh": {"type": "boolean"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "auth": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "properties": {"user": {"type": "string"}},
                        "required": ["user"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
        "required": ["url"],
        "additionalProperties": False,
    },
    "none:none",
    effects_of=lambda config: "none" if config.get("method", "GET") == "GET" else "idempotent",
    segment_friendly=False,
)
ROUTE = NodeType(
    "route",
    1,
    "Route",
    "",
    _ANY,
    "none:none",
    actions_of=lambda config: tuple(config.get("cases", ())),
)
PAY = NodeType("pay", 2, "Pay", "", _ANY, "none:none", effects="once")
EACH = NodeType("each", 1, "Each", "", _ANY, "none:none", raw_fields=("what",))
OUTPUT = NodeType("output", 1, "Output", "", _ANY, "none:none")

NODE_TYPES = {one.name: one for one in (JS, FETCH, ROUTE, PAY, EACH, OUTPUT)}
