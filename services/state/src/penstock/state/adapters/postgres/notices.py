"""What shards owe to elsewhere, in PostgreSQL. Commits write it; here it is read and settled."""

from collections.abc import Sequence

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.ports import NoticeRow


class PostgresNotices:
    """Implements `NoticeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("notices")

    async def page(self, shard: int, after: int, limit: int) -> list[NoticeRow]:
        """The oldest after an id."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_notices"], shard, after, limit)
        return [NoticeRow(row["id"], row["body"]) for row in rows]

    async def settle(self, settled: Sequence[tuple[int, int]]) -> None:
        """Forget these. Should the deletion be lost they are delivered once more, which changes
        nothing: so it need not wait for the disk."""
        shards, ids = zip(*settled, strict=True) if settled else ((), ())
        async with self._database.transaction() as session:
            await session.execute("SET LOCAL synchronous_commit = off")
            await session.execute(self._sql["settle_notices"], shards, ids)
