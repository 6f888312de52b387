"""What people answer: checked against what was asked before it counts."""

from typing import Any

import msgspec

from penstock.common.errors import (
    Conflict,
    InvalidArgument,
    InvalidParams,
    PayloadTooLarge,
)
from penstock.common.task_ids import parse_task_id
from penstock.coordinator.core.answering import asking
from penstock.coordinator.core.inputs import TaskAnswer
from penstock.coordinator.ports import Payloads
from penstock.coordinator.shell.hands.telling import Telling
from penstock.coordinator.shell.live import Live
from penstock.coordinator.shell.starts.asked import REASON_CHARS_MAX, check_text, decoded
from penstock.workflow.execution.decisions import APPROVED, DECISIONS
from penstock.workflow.execution.values import (
    INLINE_BYTES_MAX,
    NULL,
    HumanTask,
    NodeRef,
    Payload,
    TaskKind,
)
from penstock.workflow.issues import IssueList, to_dicts
from penstock.workflow.json_schema import SchemaChecker
from penstock.workflow.params import tell_misfits

_FORM_DATA_BYTES_MAX = 32 * 1024
"""Largest data of an approval: they become a part of its output."""
_EFFECT_DATA_BYTES_MAX = 1024 * 1024
_FIX_ANSWERED = "Look at the execution's history for who answered; GET /v1/tasks lists open tasks."


class Answered(msgspec.Struct, frozen=True):
    """An answer as it came; see the contract."""

    task_id: str
    decision: str
    data_json: bytes = b""
    by: str = ""
    comment: str = ""


class Answers:
    """Takes answers to tasks; each returns once it is on disk."""

    def __init__(self, telling: Telling, payloads: Payloads) -> None:
        self._telling = telling
        self._payloads = payloads

    async def answer(self, tenant: str, answered: Answered) -> int:
        """Answer a task; returns the status of its node. Raises `Conflict` if nobody asks any more,
        `InvalidParams` with everything that does not fit the form."""
        execution_id, ref = parse_task_id(answered.task_id)
        check_text(answered.by, "by")
        check_text(answered.comment, "comment", REASON_CHARS_MAX)
        json = answered.data_json
        value = decoded(json, "data") if json else None
        if len(json) > _EFFECT_DATA_BYTES_MAX:
            raise PayloadTooLarge(
                f"{len(json)} bytes; the limit is {_EFFECT_DATA_BYTES_MAX}", path="data"
            )
        data = NULL if not json else Payload(json)
        if len(json) > INLINE_BYTES_MAX:
            data = await self._payloads.put(tenant, json)

        def happening(live: Live) -> TaskAnswer:
            _check(live, ref, answered, value)
            decision, by, comment = answered.decision, answered.by, answered.comment
            return TaskAnswer(ref, decision, data, by, comment)

        told = await self._telling.tell_what_fits(tenant, execution_id, happening)
        if isinstance(told, int) or not told.accepted:
            raise _closed(answered.task_id)
        return told.live.state.status_of(ref)


def _closed(task_id: str) -> Conflict:
    return Conflict(
        f"Nobody asks task {task_id} any more: it was answered, ran out of time or was withdrawn.",
        fix=_FIX_ANSWERED,
    )


def _check(live: Live, ref: NodeRef, answered: Answered, value: Any) -> None:
    """Refuse an answer that does not fit its task."""
    wait = asking(live.state, ref) if ref.node < live.state.tables.size else None
    task = wait.task if wait is not None else None
    if task is None:
        raise _closed(answered.task_id)
    options = DECISIONS[task.kind]
    if answered.decision not in options:
        raise InvalidArgument(
            f"{answered.decision[:80]!r} is no decision about this task.",
            fix=f"Give one of {', '.join(options)}.",
            path="decision",
        )
    if task.kind == TaskKind.APPROVAL:
        _check_form(task, answered, value)


def _check_form(task: HumanTask, answered: Answered, value: Any) -> None:
    """Data must fit the form if it is approved, or given."""
    if len(answered.data_json) > _FORM_DATA_BYTES_MAX:
        raise PayloadTooLarge(
            f"{len(answered.data_json)} bytes; the limit is {_FORM_DATA_BYTES_MAX}", path="data"
        )
    if not task.form_json or (answered.decision != APPROVED and not answered.data_json):
        return
    issues = IssueList()
    tell_misfits(SchemaChecker(msgspec.json.decode(task.form_json)), value, "data", issues)
    found = issues.sorted()
    if found:
        raise InvalidParams(
            "The data do not fit the form of this task.",
            issues=to_dicts(found),
            fix="Mend what is listed; the form is in the task.",
        )
