"""`db.query@1`: rows of one query."""

from penstock.nodes.api import Done, NodeCall
from penstock.nodes.database.databases import open_databases
from penstock.nodes.database.statement import statement_of


async def run(call: NodeCall) -> Done:
    """Give the rows."""
    statement = statement_of(call)
    databases = await call.resources.get(open_databases)
    return Done(await databases.at(call.config["url"], call.egress).query(statement))
