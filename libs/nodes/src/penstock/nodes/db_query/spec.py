"""`db.query@1` to the engine."""

from penstock.nodes.database.schema import ARGS, SQL, URL
from penstock.workflow.node_type import NodeType

DB_QUERY = NodeType(
    kind="db.query",
    major=1,
    title="Database query",
    description=(
        "Reads rows, each an object by column, in a read-only transaction. Values go in `args` "
        "($1, $2, ... or ? for SQLite), never into the SQL text."
    ),
    config_schema={
        "type": "object",
        "properties": {"url": URL, "sql": SQL, "args": ARGS},
        "required": ["url", "sql"],
        "additionalProperties": False,
    },
    runner="penstock.nodes.db_query.run:run",
    raw_fields=("sql",),
    segment_friendly=False,
)
