"""`db.exec@1` to the engine.

Idempotent by a ledger: in the same transaction the node's idempotency key goes into the table
`penstock_ledger` of the target database with its result. A repeated attempt finds the key and gives
the first result without running the statement again. With `ledger: false` the statement itself must
bear repetition, for instance by `on conflict do nothing`.
"""

from penstock.nodes.database.schema import ARGS, SQL, URL
from penstock.workflow.node_type import NodeType

DB_EXEC = NodeType(
    kind="db.exec",
    major=1,
    title="Database change",
    description=(
        "Runs one statement in a transaction, or once per entry of `args_list`. Happens once even "
        "if the attempt is repeated: a row in the table penstock_ledger of that database, written "
        "in the same transaction, remembers it (`ledger: false` leaves that out)."
    ),
    config_schema={
        "type": "object",
        "properties": {
            "url": URL,
            "sql": SQL,
            "args": ARGS,
            "args_list": ARGS,
            "ledger": {"type": "boolean"},
        },
        "required": ["url", "sql"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.db_exec.run:run",
    effects="idempotent",
    raw_fields=("sql",),
)
