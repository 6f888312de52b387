"""Reports being put together: outcomes in the contract's form."""

from collections.abc import Sequence

from penstock.api.dispatch.v1 import dispatch_service_pb2 as pb
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.nodes.api import NodeFailure, Sleep, StartWorkflow
from penstock.worker.failures import to_proto
from penstock.worker.lines import Lines
from penstock.workflow.execution.values import INLINE_BYTES_MAX
from penstock.workflow.variables import VARS_BYTES_MAX

OUTCOME_BYTES_MAX = 1024 * 1024
"""Of one outcome: whatever is large in it travels by reference, and its parts have limits of their
own, which are lower together."""
REPORT_BYTES_MAX = 16 * 1024 * 1024
"""A report that has so many takes no further outcome: it is sent in one piece, and becomes one
record of the journal, which must fit into a message with whatever else there is."""


class Draft:
    """A report under one lease, and how many bytes its outcomes have.

    Good outcomes go into the report's row of such as long as nothing else came before them.
    """

    __slots__ = ("_ended_us", "report", "weight")

    def __init__(self) -> None:
        self.report = pb.SegmentReport()
        self.weight = 0
        self._ended_us = 0

    @property
    def is_empty(self) -> bool:
        """True if nothing was added yet."""
        return not (self.report.outcomes or self.report.completed.nodes)

    @property
    def is_full(self) -> bool:
        """True if nothing more should be added: what follows is for another report."""
        return self.weight >= REPORT_BYTES_MAX

    def add(self, node: int, item: int, attempt: int) -> pb.NodeOutcome:
        """The next outcome, to be filled with little: a failure, a loss."""
        outcome = self.report.outcomes.add()
        ref = outcome.ref
        ref.node = node
        ref.attempt = attempt
        if item:
            ref.item = item
        return outcome

    def add_made(self, outcome: pb.NodeOutcome) -> None:
        """An outcome made elsewhere. One that is too large to be told becomes a failure."""
        weight = outcome.ByteSize()
        if weight > OUTCOME_BYTES_MAX:
            refuse_weight(outcome, weight)
            weight = outcome.ByteSize()
        self.weight += weight
        if self.report.outcomes or not is_plain(outcome):
            self.report.outcomes.append(outcome)
            return
        row = self.report.completed
        if not row.nodes:
            self._ended_us = row.started_unix_us = outcome.started_unix_us
            row.attempt = outcome.ref.attempt
        row.nodes.append(outcome.ref.node)
        row.outputs_json.append(outcome.completed.output.json)
        row.durations_us.append(max(0, outcome.finished_unix_us - self._ended_us))
        self._ended_us = outcome.finished_unix_us


def is_plain(outcome: pb.NodeOutcome) -> bool:
    """True for a good outcome without item, choice, logs, stored output or changed variables."""
    if outcome.WhichOneof("kind") != "completed" or outcome.ref.item or outcome.logs:
        return False
    completed = outcome.completed
    fits = not completed.routed and 0 < len(completed.output.json) <= INLINE_BYTES_MAX
    return fits and not outcome.HasField("vars")


def refuse_weight(outcome: pb.NodeOutcome, weight: int) -> None:
    """Make a failure of an outcome that is larger than one can be."""
    large = sum(map(len, outcome.vars.values_json))
    if large > VARS_BYTES_MAX:
        text = f"the attempt changed variables to {large} bytes; {VARS_BYTES_MAX} is the limit"
        failure = NodeFailure("permanent", "VARIABLES_TOO_LARGE", text)
    else:
        text = f"what the attempt told has {weight} bytes; {OUTCOME_BYTES_MAX} is the limit"
        failure = NodeFailure("permanent", "OUTPUT_TOO_LARGE", text)
    set_failed(outcome, failure)


def set_failed(outcome: pb.NodeOutcome, failure: NodeFailure) -> None:
    """The attempt failed, and whatever it changed does not count."""
    outcome.ClearField("vars")
    outcome.failed.CopyFrom(to_proto(failure))


def set_completed(
    outcome: pb.NodeOutcome, output: payload_pb.Payload, chosen: Sequence[str] | None = None
) -> None:
    """The attempt finished well; `chosen` is None if the node does not route."""
    outcome.completed.output.CopyFrom(output)
    if chosen is not None:
        outcome.completed.routed = True
        outcome.completed.chosen.extend(dict.fromkeys(chosen))


def set_start_child(
    outcome: pb.NodeOutcome, params: payload_pb.Payload, wanted: StartWorkflow
) -> None:
    """The attempt wants a sub-workflow."""
    asked = outcome.start_child
    asked.workflow, asked.version = wanted.workflow, wanted.version
    asked.params.CopyFrom(params)
    asked.tags.extend(wanted.tags)
    if wanted.priority is not None:
        asked.priority_plus_one = wanted.priority + 1
    asked.detached, asked.outlives = wanted.detached, wanted.outlives


def add_step_logs(outcome: pb.NodeOutcome, step: sandbox_pb.StepResult) -> None:
    """Console lines of a step, as far as they are kept."""
    if step.logs:
        lines = Lines()
        for line in step.logs:
            lines.add(line.at_unix_us, line.level, line.message)
        outcome.logs.extend(lines.kept)


_ON_TIMEOUT = {
    "fail": journal_pb.ON_TIMEOUT_UNSPECIFIED,
    "skip": journal_pb.ON_TIMEOUT_SKIP,
    "complete": journal_pb.ON_TIMEOUT_COMPLETE,
    "approve": journal_pb.ON_TIMEOUT_APPROVE,
    "reject": journal_pb.ON_TIMEOUT_REJECT,
}


def set_waiting(waiting: pb.Waiting, sleep: Sleep) -> None:
    """The attempt sleeps; its values are left to be set."""
    waiting.duration_us, waiting.until_unix_us = sleep.duration_us, sleep.until_unix_us
    waiting.signal = sleep.signal
    waiting.on_timeout = _ON_TIMEOUT[sleep.on_timeout]
    waiting.again = sleep.again
    waiting.give_up_after_us = sleep.give_up_after_us
    ask = sleep.ask
    if ask is not None:
        task = waiting.task
        task.kind = journal_pb.TASK_KIND_APPROVAL
        task.title = ask.title
        task.description = ask.description
        task.form_json = ask.form_json
        task.assignees.extend(ask.assignees)
