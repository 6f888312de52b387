"""References to stored payloads, and marks on those that have none, in PostgreSQL."""

from collections.abc import Sequence

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.journal import plain_body
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.journal.batch import digests_in
from penstock.state.keeping.ports import Marked, Remove


class PostgresGarbage:
    """Implements `GarbageStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("garbage")

    async def read_backlog(self, limit: int) -> bool:
        """Note references of some older journal rows; False once there are none left."""
        async with self._database.session() as session:
            row = await session.fetchrow(self._sql["next_backlog"])
            if row is None:
                return False
            shard, position, head = row
            rows = await session.fetch(self._sql["backlog_rows"], shard, position, head, limit)
            refs = {
                (each["tenant"], digest, each["execution_id"])
                for each in rows
                for digest in digests_in(plain_body(each["codec"], each["body"]))
            }
            if refs:
                columns = map(list, zip(*sorted(refs), strict=True))
                await session.execute(self._sql["note_refs"], *columns)
            if len(rows) < limit:
                await session.execute(self._sql["end_backlog"], shard)
            else:
                await session.execute(self._sql["advance_backlog"], shard, rows[-1]["position"])
        return True

    async def mark(self, tenant: str, digests: Sequence[str], now_us: int) -> int:
        """Mark those without a reference."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["mark_payloads"], tenant, list(digests), now_us)
        return len(rows)

    async def marked(self, until_us: int, limit: int) -> list[Marked]:
        """Those marked up to a time that are still there."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["marked_payloads"], until_us, limit)
        return [Marked(*row) for row in rows]

    async def count_marked(self, tenant: str | None, until_us: int) -> int:
        """How many of those there are."""
        async with self._database.session() as session:
            return int(await session.fetchval(self._sql["count_marked"], until_us, tenant))

    async def sweep(self, marked: Marked, remove: Remove) -> bool:
        """Remove one, if still nobody refers to it."""
        async with self._database.transaction() as session:
            if not await session.fetchval(self._sql["lock_mark"], *marked):
                return False
            referred = await session.fetchval(self._sql["is_referred_to"], *marked)
            if referred or not await remove(*marked):
                await session.execute(self._sql["unmark_payload"], *marked)
                return False
            await session.execute(self._sql["note_swept"], *marked)
        return True

    async def unmark(self, tenant: str, digest: str) -> bool:
        """Forget a mark; waits for a sweep that is under way."""
        async with self._database.session() as session:
            swept = await session.fetchval(self._sql["unmark_payload"], tenant, digest)
        return bool(swept)

    async def forget_swept(self, until_us: int) -> None:
        """Drop marks of payloads that were removed long ago."""
        async with self._database.session() as session:
            await session.execute(self._sql["forget_swept"], until_us)
