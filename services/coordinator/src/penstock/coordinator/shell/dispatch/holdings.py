"""Which worker has which attempt, and what that does to its credits.

The core keeps the holders (`state.holders`); here the workers' room follows from what a step did
to them.
"""

from msgspec.structs import replace

from penstock.coordinator.core.commands import AnswerReport
from penstock.coordinator.core.inputs import AttemptStarted, Report
from penstock.coordinator.core.step import Step, step
from penstock.coordinator.limits.keys import is_fenced
from penstock.coordinator.shell.dispatch.workers import Worker, Workers
from penstock.coordinator.shell.live import Live
from penstock.workflow.execution.values import NodeRef


def _gone(worker: Worker) -> str:
    """Who holds what a worker had when it was given up."""
    return f"{worker.id} (gone)"


def _step_of_the_gone(live: Live, happened: Report | AttemptStarted, now_us: int) -> Step:
    """What a worker said before it was given up: its outcomes count if they still can, but it gets
    nothing more to hold, for nobody would notice that it does not do it."""
    if isinstance(happened, AttemptStarted):
        return Step()
    if happened.continue_with is None:
        return step(live.state, happened, now_us)
    decided = step(live.state, replace(happened, continue_with=None), now_us)
    others = [one for one in decided.commands if type(one) is not AnswerReport]
    return replace(decided, commands=(*others, AnswerReport(accepted=False)))


class Holdings:
    """Keeps `Worker.free` in step with `state.holders`."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def step(self, live: Live, happened: Report | AttemptStarted, now_us: int) -> Step:
        """Step the core with what a worker said, and settle that worker's credits."""
        state = live.state
        worker = self._workers.by_id.get(happened.worker)
        if worker is None:
            return _step_of_the_gone(live, happened, now_us)
        holders = state.holders
        if isinstance(happened, AttemptStarted):
            held = holders.get(state.key(happened.ref)) == worker.id
            return step(state, happened, now_us) if held else Step()
        lease = happened.lease
        key = lease.item * state.tables.size + lease.node
        had = holders.get(key) == worker.id
        follows = happened.continue_with
        if follows is None:
            decided = step(state, happened, now_us)
        else:
            decided = self._step_on(live, happened, follows, worker, now_us)
        if had and holders.get(key) != worker.id:  # it may hold a later attempt of the same node
            worker.give_back(live.id, lease)
        return decided

    def _step_on(
        self, live: Live, report: Report, follows: NodeRef, worker: Worker, now_us: int
    ) -> Step:
        """A report whose worker wants to go on: the next attempt takes the credit."""
        state = live.state
        key = state.key(follows)
        had = state.holders.get(key) == worker.id
        decided = step(state, report, now_us)
        if not had and state.holders.get(key) == worker.id:
            self._note(live, follows, worker)
            worker.continued[(live.id, follows)] = report.lease
        return decided

    def adopt(self, live: Live, ref: NodeRef, worker: Worker) -> bool:
        """Note that a worker has an attempt since before; False if it is void or another's.

        What nobody holds waits for a worker here, unless its execution was just loaded: then the
        claim is of an earlier beginning of it that did not get to the disk. What a pause or a
        debugger holds was never handed out: its worker only asked to go on with it.
        """
        state = live.state
        if not state.is_current(ref) or state.is_held(state.key(ref)):
            return False
        holder = state.holders.get(state.key(ref))
        if holder is None and live.early is not None:
            state.hand_over(ref, worker.id)
            self._note(live, ref, worker)
            return True
        return holder == worker.id

    def _note(self, live: Live, ref: NodeRef, worker: Worker) -> None:
        """A worker turned out to have this attempt: it takes a credit, and what its node asks; what
        it stops when it hears nothing, it goes on with as long as it hears something."""
        worker.free -= 1
        worker.hold(live.id, ref, live.slots[ref.node].kind)
        if live.permits is not None and is_fenced(live.permits.limits, (ref,)):
            worker.fenced = True

    def give_up(self, live: Live, worker: Worker) -> list[NodeRef]:
        """A worker is gone: what it had is nobody's until its loss is decided, also not such a
        worker's that comes back meanwhile."""
        refs = self.held_by(live, worker)
        live.state.holders.update((live.state.key(ref), _gone(worker)) for ref in refs)
        return refs

    def is_void(self, live: Live, ref: NodeRef, worker: Worker) -> bool:
        """True if a later attempt took the place of this one, or is about to, because the worker
        was given up with it."""
        state = live.state
        if ref.node >= state.tables.size or (ref.item and ref.node not in state.fan_outs):
            return True
        key = state.key(ref)
        return state.current_ref(key).attempt > ref.attempt or (
            state.holders.get(key) == _gone(worker)
        )

    def held_by(self, live: Live, worker: Worker) -> list[NodeRef]:
        """Attempts of an execution that a worker has."""
        state = live.state
        return [state.current_ref(key) for key, w in state.holders.items() if w == worker.id]

    def take_back(self, live: Live, ref: NodeRef, worker: Worker) -> None:
        """The worker turned out not to have this attempt."""
        if live.state.holders.pop(live.state.key(ref), None) == worker.id:
            worker.give_back(live.id, ref)

    def revoke_all(self, live: Live) -> None:
        """Take everything of an execution from its workers: it is none of ours any more."""
        state = live.state
        for key, worker_id in state.holders.items():
            worker = self._workers.by_id.get(worker_id)
            if worker is not None:
                ref = state.current_ref(key)
                worker.give_back(live.id, ref)
                worker.cancel(live.id, ref)
        state.holders.clear()
