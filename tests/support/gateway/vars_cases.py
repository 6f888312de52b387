"""Changes of execution variables and what watchers are told of them."""

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1.payload_pb2 import VarsChange

CHANGE = VarsChange(names=["total", "note"], values_json=[b"7", b""])
VARS_CASES = {
    "variables": (
        {
            "vars_changed": journal.VarsChanged(
                ref=journal.NodeRef(node=1, item=3, attempt=2), change=CHANGE
            )
        },
        {
            "type": "DATA_AVAILABLE",
            "kind": "vars_changed",
            "node": "judge",
            "item": 2,
            "vars": {"total": 7},
            "deleted": ["note"],
        },
    ),
}
