"""`db.exec@1`: one change, remembered in the ledger of its database."""

from penstock.nodes.api import Done, NodeCall, NodeFailure
from penstock.nodes.database.databases import open_databases
from penstock.nodes.database.statement import statement_of


async def run(call: NodeCall) -> Done:
    """Make the change; give `{rows_affected, rows}`."""
    statement = statement_of(call)
    databases = await call.resources.get(open_databases)
    database = databases.at(call.config["url"], call.egress)
    try:
        return Done(await database.execute(statement))
    except NodeFailure as failure:
        lost = failure.reason == "DB_CONNECTION"
        if lost and call.effects == "once" and not statement.ledger_key:
            text = f"{failure.message}; the change may have happened"
            raise NodeFailure("permanent", "EFFECT_UNCERTAIN", text) from None
        raise
