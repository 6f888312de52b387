"""The gate: attempts under a limit wait here until they have every permit they need.

It stands between the core's `Dispatch` and the queues for workers, for executions that have
`permits` and no others. An attempt's permits go back when a worker reports it, or once it is
certain that no worker runs it any more: what was cancelled or lost with its worker is in doubt for
as long as a worker goes on without its coordinator. What executions had before their shard came
here is claimed again.
"""

from penstock.common.clock import Clock
from penstock.coordinator.limits.keys import BadKey
from penstock.coordinator.limits.permits import PermitId, SlotRule
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.limits.entrance import Entrance
from penstock.coordinator.shell.limits.gated import Entry, Permits
from penstock.coordinator.shell.limits.key_values import KeyValues
from penstock.coordinator.shell.limits.passage import former_of, permit_of
from penstock.coordinator.shell.live import Executions, Live, Shard
from penstock.workflow.execution.values import NodeRef, NodeStatus

_OPEN = (int(NodeStatus.QUEUED), int(NodeStatus.RUNNING))


class Gate(Entrance):
    """The way in and the way out, and what becomes of both when shards come and go."""

    def __init__(
        self,
        limits: ClusterLimits,
        executions: Executions,
        values: KeyValues,
        clock: Clock,
    ) -> None:
        super().__init__(limits, executions, values, clock)
        values.on_ready = self._values_came
        self._unread: dict[Shard, set[str]] = {}

    def loaded(self, shard: Shard) -> None:
        """Executions were loaded: what is open may have permits since before. Owners of keys are
        told once the keys of all of them can be evaluated; until then they grant with care."""
        unread = {
            live.id
            for live in shard.executions.values()
            if live.permits is not None
            and not self._values.at_hand(live, live.permits, _open_attempts(live))
        }
        if unread:
            self._unread[shard] = unread
        else:
            self._recall_all(shard)

    def _values_came(self, live: Live) -> None:
        unread = self._unread.get(live.shard)
        if unread is not None:
            unread.discard(live.id)
            if not unread:
                del self._unread[live.shard]
                self._recall_all(live.shard)
        self._go_on(live)
        self._limits.on_served()

    def _recall_all(self, shard: Shard) -> None:
        self._limits.loaded(shard)
        for live in shard.executions.values():
            if live.permits is not None and live.state.end is None:
                self._recall(live, live.permits)
        self._limits.speak()

    def _recall(self, live: Live, permits: Permits) -> None:
        """Claim for a loaded execution whatever it might hold: once it is recovered, only what
        workers have."""
        limits, holders = permits.limits, live.state.holders
        recovered = live.early is None
        if limits.whole and (permits.admitted or holders or not recovered):
            whole = PermitId(live.id) if permits.admitted else former_of(live)
            self._recall_one(live, permits, whole, None)
            permits.admitted = permits.admitted or recovered
        for ref in _open_attempts(live):
            if self._is_gated(live, ref, limits.nodes) and (
                not recovered or live.state.key(ref) in holders
            ):
                self._recall_one(live, permits, permit_of(live, ref), ref)

    def _recall_one(
        self, live: Live, permits: Permits, permit: PermitId, ref: NodeRef | None
    ) -> None:
        try:
            steps = self._steps(live, permits, permit, ref)
        except BadKey:
            return
        permits.add(permit, Entry(ref, steps, at=len(steps), given=ref is not None))
        for ask in steps:
            if isinstance(ask.rule, SlotRule):
                self._claims.recall(ask)

    def recovered(self, live: Live, permits: Permits) -> None:
        """It is known what workers still have: the rest is in doubt, but for what a pause or a
        debugger holds, which nobody ever had. Nothing is in doubt if nothing ran when the shard was
        taken; the slot of a whole run, which may have begun, is kept until it is in line again."""
        state = live.state
        refs = [entry.ref for _, entry in permits if entry.ref is not None]
        gone = [ref for ref in refs if not state.is_current(ref)]
        over = [ref for ref in refs if state.is_held(state.key(ref))]
        if live.shard.settled:
            over += gone
        else:
            self.lost(live, permits, gone)
        for ref in over:
            self.give_back(permits, permit_of(live, ref))
        if not permits.admitted and permits.get(former_of(live)) is not None:
            if state.holders:
                permits.admitted = True
            elif live.shard.settled and not _open_attempts(live):
                self.give_back(permits, former_of(live))
            else:
                until_us = self._limits.now_us() + self._limits.doubt_us
                self.doubt(permits, former_of(live), until_us)

    def may_be_settled(self, shard: Shard) -> bool:
        """True if nothing of a shard that is here runs under a limit that is not known here."""
        return shard not in self._unread and self._limits.may_be_settled(shard)

    def forget(self, shard: Shard) -> None:
        """A shard went to another coordinator."""
        self._unread.pop(shard, None)
        self._limits.forget(shard)


def _open_attempts(live: Live) -> list[NodeRef]:
    """Every attempt that is queued or running; O(nodes + items let go)."""
    state = live.state
    found: list[NodeRef] = []
    for node, status in enumerate(bytes(state.status)):
        items = state.fan_outs.get(node)
        if items is not None:
            found += [
                NodeRef(node, at + 1, items.attempt(at + 1))
                for at in range(items.opened)
                if items.status[at] in _OPEN
            ]
        elif status in _OPEN:
            found.append(NodeRef(node, 0, state.attempts[node]))
    return found
