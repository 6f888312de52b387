"""Repairs of what the audit found, each by the way that the engine takes anyway after a death: an
attempt is declared lost, a shard is loaded again. So a repair can at worst repeat what a crash may
repeat, and never an effect that may happen only once."""

from collections.abc import Callable, Sequence

from penstock.common.errors import PenstockError
from penstock.common.logging import get_logger
from penstock.coordinator.core.inputs import AttemptsLost
from penstock.coordinator.core.step import next_wake_us
from penstock.coordinator.shell.audit.audit import Audited
from penstock.coordinator.shell.audit.findings import Finding, Findings, Repair

_CAUSE = "the self-audit found that nobody had it"


class Mending:
    """Carries repairs out. `look_for_sleepers` asks the record again who is due."""

    def __init__(
        self, audited: Audited, findings: Findings, look_for_sleepers: Callable[[], None]
    ) -> None:
        self._of = audited
        self._findings = findings
        self._look_for_sleepers = look_for_sleepers
        self._log = get_logger("audit")

    async def mend(self, chosen: Sequence[Finding]) -> list[tuple[Finding, str]]:
        """Mend findings; returns each with what became of it: empty if it was mended, else why
        not."""
        done: list[tuple[Finding, str]] = []
        reloaded: dict[int, str] = {}
        for finding in chosen:
            try:
                why_not = await self._mend_one(finding, reloaded)
            except PenstockError as error:
                why_not = error.message
            if not why_not:
                self._findings.forget(finding)
            self._log.warning(
                "finding_mended" if not why_not else "finding_not_mended",
                execution=finding.execution_id,
                shard=finding.shard,
                repair=finding.repair,
                fault=finding.message,
                reason=why_not,
            )
            done.append((finding, why_not))
        return done

    async def _mend_one(self, finding: Finding, reloaded: dict[int, str]) -> str:
        """`reloaded`: shards that were loaded again for other findings, with what came of it."""
        if finding.repair is Repair.LOOK_AGAIN:
            self._look_for_sleepers()
            return ""
        if finding.repair is Repair.GO_ON:
            self._of.waiting.go_on()
            return ""
        if finding.repair is Repair.RELOAD:
            self._of.executions.set_aside.discard(finding.execution_id)
            if finding.shard not in reloaded:
                reloaded[finding.shard] = await self._of.shards.load_again(finding.shard)
            return reloaded[finding.shard]
        live = self._of.executions.get(finding.execution_id)
        if live is None:
            return "the execution is not here any more"
        if finding.repair is Repair.REARM:
            live.wake_us = next_wake_us(live.state)
            self._of.turns.timers.set(live.id, live.wake_us)
        elif finding.ref is not None:
            self._of.turns.put(live, AttemptsLost((finding.ref,), _CAUSE))
        return ""
