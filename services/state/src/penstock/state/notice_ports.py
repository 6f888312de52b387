"""What the service needs of the tables of notices."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from penstock.api.state.v1.notice_service_pb2 import RefusedNotice


class NoticeRow(NamedTuple):
    """What a shard owes to elsewhere."""

    id: int
    body: bytes


class NoticeStore(Protocol):
    """What shards owe; commits write it."""

    async def page(self, shard: int, after: int, limit: int) -> list[NoticeRow]:
        """The oldest of a shard after an id."""
        ...

    async def settle(
        self, settled: Sequence[tuple[int, int]], refused: Sequence[RefusedNotice] = ()
    ) -> None:
        """Forget these (shard, id), and those that were refused: of them it is kept for readers,
        unless they are gone already. Those that are gone are no error."""
        ...

    async def refused(self, tenant: str, execution_id: str, limit: int) -> list[bytes]:
        """What was refused to an execution, each an encoded `RefusedStart`, by node, item and
        attempt."""
        ...
