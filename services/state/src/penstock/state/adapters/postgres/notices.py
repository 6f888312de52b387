"""What shards owe to elsewhere, in PostgreSQL. Commits write it; here it is read and settled."""

from collections.abc import Sequence

from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.notice_ports import NoticeRow


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

    async def settle(
        self, settled: Sequence[tuple[int, int]], refused: Sequence[RefusedNotice] = ()
    ) -> None:
        """Forget these. Should that be lost they are delivered once more, which changes nothing, or
        refused once more: so it need not wait for the disk."""
        shards, ids = zip(*settled, strict=True) if settled else ((), ())
        async with self._database.transaction() as session:
            await session.execute("SET LOCAL synchronous_commit = off")
            await session.execute(self._sql["settle_notices"], shards, ids)
            if refused:
                columns = zip(*map(_row_of, refused), strict=True)
                await session.execute(self._sql["refuse_notices"], *columns)

    async def refused(self, tenant: str, execution_id: str, limit: int) -> list[bytes]:
        """What was refused to an execution."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_refused"], execution_id, tenant, limit)
        return [row["body"] for row in rows]


def _row_of(refused: RefusedNotice) -> tuple[int, int, str, str, int, int, int, bytes]:
    start, ref = refused.start, refused.start.ref
    body = start.SerializeToString()
    place = ref.node, ref.item, ref.attempt
    return refused.shard, refused.id, refused.tenant, refused.execution_id, *place, body
