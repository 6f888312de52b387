"""Attempts on their way to the gate, and at it: until they have every permit they need.

Those of an execution that waits for its own, or whose keys read what is not at hand, are parked; a
wide fan-out comes in portions.
"""

from collections.abc import Callable, Iterable, Sequence

from penstock.common.clock import Clock
from penstock.coordinator.core.inputs import (
    AttemptRefused,
    CancelAsked,
)
from penstock.coordinator.limits.keys import Asker, BadKey, asks_of
from penstock.coordinator.limits.permits import (
    Ask,
    PermitId,
    SlotRule,
    Told,
    Verdict,
    split_key,
)
from penstock.coordinator.shell.dispatch.urgency import level_of
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.limits.gated import Entry, Permits
from penstock.coordinator.shell.limits.key_values import KeyValues
from penstock.coordinator.shell.limits.passage import Passage, permit_of
from penstock.coordinator.shell.live import Executions, Happening, Live
from penstock.workflow.execution.values import Failure, NodeRef

PORTION = 500
"""Attempts that come in at once, about 5 ms; the others of a wide fan-out follow, so that
everything else has its turn meanwhile."""
SKIPPED = "CONCURRENCY_SKIPPED"
REPLACED = "CONCURRENCY_REPLACED"


class Entrance(Passage):
    """The way in. `let_go` takes attempts that have all they need; `put` gives an input to an
    execution; `later` calls something once everything else has had its turn."""

    def __init__(
        self,
        limits: ClusterLimits,
        executions: Executions,
        values: KeyValues,
        clock: Clock,
    ) -> None:
        super().__init__(limits)
        self._executions = executions
        self._values = values
        self._clock = clock
        self.let_go: Callable[[Live, Sequence[NodeRef]], None] = lambda live, refs: None
        self.put: Callable[[Live, Happening], None] = lambda live, happened: None
        self.later: Callable[[Callable[[], None]], object] = lambda go_on: go_on()
        limits.on_told = self._on_told

    def admit(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> None:
        """Attempts are queued: let them go, now or once they may."""
        if not self._values.at_hand(live, permits, refs):
            permits.parked.append(tuple(refs))
            return
        if not permits.admitted:
            permits.parked.append(tuple(refs))
            if permits.get(PermitId(live.id)) is None:
                self._enter(live, permits, PermitId(live.id), None)
            return
        if len(refs) > PORTION:
            later = range(PORTION, len(refs), PORTION)
            permits.parked += [tuple(refs[at : at + PORTION]) for at in later]
            refs = refs[:PORTION]
        self._let_in(live, permits, refs)
        if permits.parked and not permits.later:
            permits.later = True
            self.later(lambda: self._let_in_more(live, permits))

    def _let_in_more(self, live: Live, permits: Permits) -> None:
        """The next portion of what is parked."""
        permits.later = False
        if live.gone or not permits.parked:
            return
        self.admit(live, permits, permits.parked.pop(0))
        self._limits.on_served()

    def _let_in(self, live: Live, permits: Permits, refs: Sequence[NodeRef]) -> None:
        """These come to the gate, those under no limit pass. What was decided since they were
        queued may have ended them."""
        refs = [ref for ref in refs if live.state.is_current(ref)]
        if not refs:
            return
        gated = permits.limits.nodes
        held = [ref for ref in refs if self._is_gated(live, ref, gated)]
        if len(held) < len(refs):
            here = set(held)
            self.let_go(live, [ref for ref in refs if ref not in here])
        for ref in held:
            self._enter(live, permits, permit_of(live, ref), ref)

    def _is_gated(self, live: Live, ref: NodeRef, gated: Iterable[int]) -> bool:
        """The attempt that only makes the list of a for-each is under no limit, nor is what no
        worker does."""
        node = live.plan.nodes[ref.node]
        makes_list = ref.item == 0 and node.for_each is not None
        return (
            ref.node in gated and not makes_list and not live.state.tables.nodes[ref.node].collects
        )

    def _go_on(self, live: Live) -> None:
        """What the keys read is at hand now."""
        permits = live.permits
        if permits is not None and not live.gone:
            parked, permits.parked = permits.parked, []
            for refs in parked:
                self.admit(live, permits, refs)

    def _enter(self, live: Live, permits: Permits, permit: PermitId, ref: NodeRef | None) -> None:
        known = permits.get(permit)
        if known is not None:
            if ref is not None and known.at == len(known.steps) and not known.given:
                self.let_go(live, (ref,))
            return
        try:
            steps = self._steps(live, permits, permit, ref)
        except BadKey as bad:
            self._refuse(live, ref, "LIMIT_KEY_INVALID", f"A limit's key has no value: {bad}.")
            return
        entry = Entry(ref, steps)
        permits.add(permit, entry)
        self._advance(live, permits, permit, entry)
        if ref is None and live.shard.settled:
            self.give_back_former(live)

    def _steps(
        self, live: Live, permits: Permits, permit: PermitId, ref: NodeRef | None
    ) -> tuple[Ask, ...]:
        plan = live.plan
        limits = permits.limits
        urgency, name = level_of(live), plan.name
        keys = limits.whole
        if ref is not None:
            node = plan.nodes[ref.node]
            keys = limits.nodes[ref.node]
            urgency = node.priority if node.priority is not None else urgency
            name = f"{plan.name}/{node.id}"
        since_us = self._clock.now_us() if ref is not None else live.state.started_us
        asker = Asker(live.tenant, name, urgency, since_us, live.shard.epoch)
        return asks_of(keys, permit, asker, self._values.scope(live, permits, ref))

    def _advance(self, live: Live, permits: Permits, permit: PermitId, entry: Entry) -> None:
        """Ask for the next permit, or let go what has them all."""
        if self._is_void(live, entry):
            self.give_back(permits, permit)
        elif entry.at < len(entry.steps):
            self._limits.ask(entry.steps[entry.at])
        elif entry.ref is None:
            permits.admitted = True
            self._go_on(live)
        else:
            self.let_go(live, (entry.ref,))

    def _is_void(self, live: Live, entry: Entry) -> bool:
        if live.gone or live.state.end is not None:
            return True
        if entry.ref is None:
            return False
        return live.state.is_paused or not live.state.is_current(entry.ref)

    def _on_told(self, told: Told) -> None:
        live = self._executions.get(told.permit.execution_id)
        permits = live.permits if live is not None else None
        entry = permits.get(told.permit) if permits is not None else None
        if live is None or permits is None or entry is None:
            self._claims.give_back(told.permit, told.key)
        elif told.verdict is Verdict.GRANTED:
            entry.at += 1
            self._advance(live, permits, told.permit, entry)
        else:
            self._turn_away(live, permits, told, entry)

    def _turn_away(self, live: Live, permits: Permits, told: Told, entry: Entry) -> None:
        text = split_key(told.key)[2]
        if told.verdict is Verdict.EVICTED:
            message = f"A newer execution took its place under the limit {text!r}."
            self.put(live, CancelAsked(message, REPLACED))
            return
        rule = entry.steps[entry.at].rule
        self.give_back(permits, told.permit)
        if isinstance(rule, SlotRule):
            message = f"As many run as the limit {text!r} allows ({rule.limit}); it did not start."
            self.put(live, CancelAsked(message, SKIPPED))
        else:
            self._refuse(live, entry.ref, "CIRCUIT_OPEN", f"The circuit breaker {text!r} is open.")

    def _refuse(self, live: Live, ref: NodeRef | None, reason: str, message: str) -> None:
        if ref is None:
            self.put(live, CancelAsked(message, reason))
            return
        error_class = "transient" if reason == "CIRCUIT_OPEN" else "permanent"
        draw = 0.5 if error_class == "transient" else None
        self.put(live, AttemptRefused(ref, Failure(error_class, reason, message), draw))

    def kept(self, permits: Permits) -> set[NodeRef]:
        """The attempts that wait here."""
        found = {ref for refs in permits.parked for ref in refs}
        for _, entry in permits:
            if entry.ref is not None and entry.at < len(entry.steps):
                found.add(entry.ref)
        return found

    def lets(self, live: Live, permits: Permits, ref: NodeRef) -> bool:
        """True if an attempt has every permit it needs; not if it gave them back in a pause."""
        entry = permits.get(permit_of(live, ref))
        if entry is None:
            return permits.admitted and not self._is_gated(live, ref, permits.limits.nodes)
        return permits.admitted and entry.at == len(entry.steps)
