"""What stands in the public JSON for a value that is not there itself."""

import msgspec


class PayloadLink(msgspec.Struct, frozen=True, gc=False):
    """Stands for a large value: open it with GET /v1/payloads/{digest}."""

    digest: str = msgspec.field(name="$ref")
    size: int


class NodeLink(msgspec.Struct, frozen=True, gc=False):
    """Stands for an output that is left out of a picture, since all of them together are too large:
    GET /v1/executions/{execution_id}/nodes/{node} has it."""

    node: str = msgspec.field(name="$node")
    size: int
