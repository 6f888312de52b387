"""Membership and leases in PostgreSQL, by its clock alone."""

from collections.abc import Mapping, Sequence

import asyncpg

from penstock.common.errors import Fenced
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.ports import NOT_SETTLED, Granted, Lease, Membership


class PostgresLeases:
    """Implements `LeaseStore`. A lease is live while its owner's membership is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_statements("leases")

    async def join(self, coordinator_id: str, address: str, ttl_ms: int) -> Membership:
        """Renew, and read the cluster."""
        async with self._database.session() as session:
            await session.execute(self._sql["renew_member"], coordinator_id, address, ttl_ms)
            return await self._membership(session)

    async def leave(self, coordinator_id: str) -> Membership:
        """Give everything back, and read the cluster."""
        async with self._database.session() as session:
            await session.execute(self._sql["remove_member"], coordinator_id)
            return await self._membership(session)

    async def _membership(self, session: asyncpg.Connection) -> Membership:
        members = await session.fetch(self._sql["live_members"])
        leases = await session.fetch(self._sql["held_leases"])
        changed = await session.fetchval(self._sql["schedules_changed"])
        return Membership(
            [(row["coordinator_id"], row["address"]) for row in members],
            [Lease(row["shard"], row["owner"], row["epoch"]) for row in leases],
            changed,
        )

    async def acquire(self, coordinator_id: str, shards: Sequence[int]) -> list[Granted]:
        """Take what is free or of somebody gone; the row locks wait for commits under the old
        epoch."""
        async with self._database.transaction() as session:
            if not await session.fetchval(self._sql["is_member"], coordinator_id):
                raise Fenced(
                    f"coordinator {coordinator_id} is not a live member",
                    fix="Join first, and again before the time to live is over.",
                )
            await session.execute(self._sql["forget_dead_members"])
            rows = await session.fetch(self._sql["acquire_shards"], coordinator_id, shards)
        return sorted(
            Granted(row["shard"], row["epoch"], row["head"], row["settled"]) for row in rows
        )

    async def release(
        self, coordinator_id: str, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        """Give back what the member holds of `shards`."""
        async with self._database.session() as session:
            await session.execute(
                self._sql["release_shards"],
                coordinator_id,
                shards,
                list(settled),
                list(settled.values()),
            )
