"""Twins in memory of what shards owe to elsewhere, and of the sub-workflows it leads to."""

from collections.abc import Sequence

from penstock.api.state.v1.notice_service_pb2 import RefusedNotice
from penstock.state.notice_ports import NoticeRow
from penstock.state.ports import ChildKey, ChildRow
from support.state_twin import MemoryJournal


class MemoryNotices:
    """`NoticeStore` over the journal's."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self._refused: dict[tuple[str, str], dict[tuple[int, int, int], bytes]] = {}

    async def page(self, shard: int, after: int, limit: int) -> list[NoticeRow]:
        found = sorted(
            NoticeRow(number, body)
            for (owner, number), body in self._journal.notices.items()
            if owner == shard and number > after
        )
        return found[:limit]

    async def settle(
        self, settled: Sequence[tuple[int, int]], refused: Sequence[RefusedNotice] = ()
    ) -> None:
        for key in settled:
            self._journal.notices.pop(key, None)
        for one in refused:
            if self._journal.notices.pop((one.shard, one.id), None) is not None:
                of = self._refused.setdefault((one.tenant, one.execution_id), {})
                ref = one.start.ref
                place = ref.node, ref.item, ref.attempt
                of.setdefault(place, one.start.SerializeToString())

    async def refused(self, tenant: str, execution_id: str, limit: int) -> list[bytes]:
        if execution_id not in self._journal.executions:
            return []
        of = self._refused.get((tenant, execution_id), {})
        return [body for _, body in sorted(of.items())][:limit]


class MemoryChildren:
    """`ChildStore` over the journal's."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    async def page(
        self, tenant: str, parent_id: str, node: int | None, after: ChildKey | None, limit: int
    ) -> list[ChildRow]:
        keys = sorted(
            key
            for owner, parent, key in self._journal.children
            if (owner, parent) == (tenant, parent_id)
            and (node is None or key[0] == node)
            and (after is None or key > after)
        )
        return [
            ChildRow(self._journal.executions[execution_id], *place)
            for *place, execution_id in keys[:limit]
        ]
