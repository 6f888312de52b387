"""How long each workflow's executions are kept: as its latest version says, else as the server
does; and how long everything else is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from penstock.state.keeping.ports import Latest, Policy, RetentionStore
from penstock.state.ports import WorkflowStore
from penstock.workflow.compile import InvalidDefinition
from penstock.workflow.plan import Plan
from penstock.workflow.policies import Retention

_WORKFLOWS_PAGE = 500
_ALL_IS_KEPT = Retention(0.0, 0.0)


class Times(NamedTuple):
    """How long what belongs to no workflow is kept, in microseconds: a payload without reference,
    and an operation after its end, 0 for ever."""

    grace_us: int
    operations_us: int

    def operations_until_us(self, now_us: int) -> int | None:
        """When those ended at the latest that are to go now; None if none ever goes."""
        return now_us - self.operations_us if self.operations_us > 0 else None


class Policies:
    """Reads policies; what a version says is read once. `usual_s` is what holds where a file says
    nothing, for a good end and any other; 0 for ever."""

    def __init__(
        self, retention: RetentionStore, workflows: WorkflowStore,
        compile_plan: Callable[[str], Plan], usual_s: tuple[float, float],
    ) -> None:  # fmt: skip
        self._retention = retention
        self._workflows = workflows
        self._compile = compile_plan
        self._completed_s, self._failed_s = usual_s
        self._known: dict[str, Retention] = {}

    async def all(self, tenant: str | None = None) -> AsyncIterator[Policy]:
        """Those of an account, or of all, by account and name, that remove something."""
        after = (tenant or "", "")
        while page := await self._retention.latest(after, _WORKFLOWS_PAGE):
            for latest in page:
                if tenant is not None and latest.tenant != tenant:
                    return
                policy = await self._of(latest)
                if policy.completed_us or policy.failed_us:
                    yield policy
            after = page[-1][:2]

    async def _of(self, latest: Latest) -> Policy:
        said = self._known.get(latest.definition_hash)
        if said is None:
            said = self._known[latest.definition_hash] = await self._said_by(latest)
        completed_us = _us(said.completed_s, self._completed_s)
        return Policy(latest.tenant, latest.name, completed_us, _us(said.failed_s, self._failed_s))

    async def _said_by(self, latest: Latest) -> Retention:
        """What the file says; one that cannot be read any more may say that all is kept."""
        source = await self._workflows.definition(latest.tenant, latest.definition_hash)
        if source is None:
            return _ALL_IS_KEPT
        try:
            plan = await asyncio.to_thread(self._compile, source)
        except InvalidDefinition:
            return _ALL_IS_KEPT
        return plan.retention or Retention()


def _us(said_s: float | None, usual_s: float) -> int:
    return round((usual_s if said_s is None else said_s) * 1e6)
