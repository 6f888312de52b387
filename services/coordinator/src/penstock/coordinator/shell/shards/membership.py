"""This process as a member of the cluster, in calls to state."""

from collections.abc import Mapping, Sequence

from penstock.api.state.v1.state_service_pb2 import GrantedShard, JoinResponse
from penstock.common.logging import get_logger
from penstock.coordinator.ports import NOT_SETTLED, Leases


class Membership:
    """`coordinator_id` is new at each start; `address` is where others reach this process. All
    calls raise `Unavailable` or `DeadlineExceeded` if state cannot be reached."""

    def __init__(self, leases: Leases, coordinator_id: str, ttl_ms: int) -> None:
        self._leases = leases
        self._ttl_ms = ttl_ms
        self._log = get_logger("membership")
        self.coordinator_id = coordinator_id
        self.address = ""

    async def renew(self) -> JoinResponse:
        """Join, and see who else is there.

        A member with this address is a former process of this coordinator, which no longer listens
        there: it is made to leave, so that its shards need not wait for their expiry. Its epoch
        still fences whatever it might write.
        """
        answer = await self._join(self.coordinator_id)
        former = [
            member.coordinator_id
            for member in answer.members
            if member.address == self.address and member.coordinator_id != self.coordinator_id
        ]
        if not former:
            return answer
        for coordinator_id in former:
            self._log.info("predecessor_evicted", predecessor=coordinator_id)
            await self._join(coordinator_id, leaving=True)
        return await self._join(self.coordinator_id)

    async def _join(self, coordinator_id: str, *, leaving: bool = False) -> JoinResponse:
        return await self._leases.join(coordinator_id, self.address, self._ttl_ms, leaving=leaving)

    async def acquire(self, shards: Sequence[int]) -> list[GrantedShard]:
        """Take shards that are free."""
        return await self._leases.acquire(self.coordinator_id, shards)

    async def release(
        self, shards: Sequence[int], settled: Mapping[int, int] = NOT_SETTLED
    ) -> None:
        """Give shards back, some of them settled under these epochs."""
        await self._leases.release(self.coordinator_id, shards, settled)

    async def leave(self) -> None:
        """Be a member no longer."""
        await self._join(self.coordinator_id, leaving=True)
