"""Attempts that are past the gate: their permits until it is certain that they are over.

A worker's report ends an attempt. What is cancelled, or lost with its worker, is in doubt: it
counts until the worker says that it has stopped, or for as long as a worker goes on without its
coordinator.
"""

from collections.abc import Callable, Iterable

from penstock.coordinator.core.inputs import AttemptStarted, Completed, Failed, Report
from penstock.coordinator.limits.permits import BreakerRule, PermitId
from penstock.coordinator.limits.stopping import Stopping
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.limits.gated import Permits
from penstock.coordinator.shell.live import Live, Shard
from penstock.workflow.execution.values import NodeRef, NodeStatus

_FIRST_TERMINAL = int(NodeStatus.COMPLETED)
_COUNTED = ("transient", "system")


class Passage:
    """The way out of the gate. `on_stopped` hears that a worker stopped something."""

    def __init__(self, limits: ClusterLimits) -> None:
        self._limits = limits
        self._claims = limits.claims
        self._stopping = Stopping()
        self.on_stopped: Callable[[], None] = lambda: None

    def reported(self, live: Live, permits: Permits, said: Report | AttemptStarted) -> None:
        """A worker is done with an attempt, whatever becomes of its report."""
        if not isinstance(said, Report):
            return
        permit = permit_of(live, said.lease)
        if permits.get(permit) is not None:
            self.give_back(permits, permit, _how_it_ended(said))

    def lost(self, live: Live, permits: Permits, refs: Iterable[NodeRef]) -> None:
        """Nobody knows whether these still run."""
        until_us = permits.unsure_us = self._limits.now_us() + self._limits.doubt_us
        for ref in refs:
            self.doubt(permits, permit_of(live, ref), until_us)

    def handed(self, live: Live, permits: Permits, refs: Iterable[NodeRef]) -> None:
        """Workers get these."""
        for ref in refs:
            entry = permits.get(permit_of(live, ref))
            if entry is not None:
                entry.given = True

    def returned(self, live: Live, permits: Permits, ref: NodeRef) -> None:
        """A worker turned out not to have got this: it waits for one again."""
        entry = permits.get(permit_of(live, ref))
        if entry is not None:
            entry.given = False

    def revoked(self, live: Live, permits: Permits, refs: Iterable[NodeRef]) -> None:
        """Workers were told to stop these: they will say so."""
        stopping = list(refs)
        self.lost(live, permits, stopping)
        self._stopping.told(live.id, stopping, permits.unsure_us, self._limits.now_us())

    def stopped(self, execution_id: str, ref: NodeRef) -> None:
        """A worker says that it does not run this any more."""
        permits = [PermitId(execution_id, ref.node, ref.item, ref.attempt)]
        if self._stopping.stopped(execution_id, ref):  # nothing of it runs: its whole is over too
            permits += (PermitId(execution_id), PermitId(execution_id, item=1))
        for permit in permits:
            for claim in self._claims.of_permit(permit):
                if claim.until_us:
                    self._claims.give_back(permit, claim.ask.key)
        self.on_stopped()

    def is_unsettled(self, shard: Shard) -> bool:
        """True if something of a shard may run that was told to stop, or that was lost sight of."""
        return self._claims.is_doubtful(shard.number) or any(
            execution_id in self._stopping for execution_id in shard.executions
        )

    def doubt(self, permits: Permits, permit: PermitId, until_us: int) -> None:
        """Nobody can tell whether it is over; by then it is."""
        entry = permits.pop(permit)
        for ask in entry.steps if entry is not None else ():
            self._claims.doubt(permit, ask.key, until_us)

    def give_back(self, permits: Permits, permit: PermitId, failed: bool | None = None) -> None:
        """It is over. `failed` is for breakers."""
        entry = permits.pop(permit)
        for ask in entry.steps if entry is not None else ():
            told = failed if isinstance(ask.rule, BreakerRule) else None
            self._claims.give_back(permit, ask.key, told)

    def give_back_former(self, live: Live) -> None:
        """It stands in line again, so nobody who came later gets what it may have had before."""
        for claim in self._claims.of_permit(former_of(live)):
            self._claims.give_back(claim.ask.permit, claim.ask.key)

    def settle(self, live: Live, permits: Permits) -> None:
        """Give back what nodes that have ended wanted or had and no worker got; O(nodes under a
        limit), and what those had. What workers got they give back themselves, or it is revoked.
        A pause leaves the line: its attempts come again when it ends. Once a person had a hand in
        it, attempts may be void before a worker got them: all are looked at, once for every such
        change."""
        state, status = live.state, live.state.status
        touched = state.touched
        if touched is not None and touched.changes != permits.touched:
            permits.touched = touched.changes
            for permit, entry in permits:
                ref = entry.ref
                if ref is None or entry.given:
                    continue
                if state.is_paused or not state.is_current(ref):
                    self.give_back(permits, permit)
        ended = [n for n in permits.nodes if n >= 0 and status[n] >= _FIRST_TERMINAL]
        for node in ended:
            for permit, entry in list(permits.nodes[node].items()):
                if not entry.given:
                    self.give_back(permits, permit)

    def finished(self, live: Live, permits: Permits) -> None:
        """The execution ended. If workers still had something of it, it counts until they must have
        stopped."""
        now_us = self._limits.now_us()
        until_us = now_us + self._limits.doubt_us
        unsure = permits.unsure_us > now_us
        for permit, entry in permits:
            if entry.given or (unsure and entry.ref is None):
                self.doubt(permits, permit, until_us)
            else:
                self.give_back(permits, permit)

    def abandoned(self, live: Live, permits: Permits) -> None:
        """Nothing is known of the execution any more."""
        until_us = self._limits.now_us() + self._limits.doubt_us
        for permit, _ in permits:
            self.doubt(permits, permit, until_us)


def permit_of(live: Live, ref: NodeRef) -> PermitId:
    """The permit of an attempt."""
    return PermitId(live.id, ref.node, ref.item, ref.attempt)


def former_of(live: Live) -> PermitId:
    """The permit that an execution may have had under another coordinator: it is another one than
    what it asks for here."""
    return PermitId(live.id, item=1)


def _how_it_ended(report: Report) -> bool | None:
    """Whether the leased attempt failed in a way that breakers count; None if that is not told."""
    if report.row is not None and report.row.nodes[0] == report.lease.node:
        return False
    for outcome in report.outcomes:
        if outcome.ref == report.lease:
            if isinstance(outcome.kind, Failed):
                return True if outcome.kind.failure.error_class in _COUNTED else None
            return False if isinstance(outcome.kind, Completed) else None
    return None
