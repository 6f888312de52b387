"""What a start asks for beyond parameters: checked, all findings together, and put into the form of
the journal."""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.api.workflow.v1.workflow_service_pb2 import StartOptions as Asked
from penstock.common.errors import InvalidArgument, PenstockError
from penstock.coordinator.shell.starts.asked import NAME_CHARS_MAX, decoded_object
from penstock.workflow.execution.events import StartOptions
from penstock.workflow.execution.values import LAST_INSTANT_US
from penstock.workflow.policies import PRIORITY_MAX
from penstock.workflow.variables import FIRST_BYTES_MAX, first_flaws, values_of

DELAY_US_MAX = 366 * 86_400 * 1_000_000
"""Longest delay and deadline: a year."""

_VARS_TEXT_MAX = 2 * FIRST_BYTES_MAX
"""Longest text of variables that is looked into: names and spaces count too."""

Finding = tuple[str, str, str]
"""Where, what is wrong, what would be right."""


def options_of(request: StartExecutionRequest, now_us: int) -> StartOptions | None:
    """The options of a start that is asked for now; None for a usual start. Raises
    `InvalidArgument` with everything that is wrong."""
    if not request.HasField("options"):
        return None
    asked = request.options
    findings = list(_findings(request, asked))
    if findings:
        path, _, fix = findings[0]
        told = " ".join(f"`{where}` {what}." for where, what, _ in findings)
        raise InvalidArgument(told, fix=fix, path=path)
    begin_us = now_us
    if asked.HasField("delay"):
        begin_us += _us(asked.delay)
    elif asked.HasField("not_before"):
        begin_us = max(begin_us, _us(asked.not_before))
    options = StartOptions(
        priority=asked.priority_plus_one - 1 if asked.priority_plus_one else None,
        not_before_us=begin_us if begin_us > now_us else 0,
        deadline_us=begin_us + _us(asked.deadline) if asked.HasField("deadline") else 0,
        vars_json=asked.vars_json,
        debug=asked.debug,
    )
    return None if options == StartOptions() else options


def _findings(request: StartExecutionRequest, asked: Asked) -> Iterator[Finding]:
    if asked.priority_plus_one > PRIORITY_MAX + 1:
        yield "priority", "is out of range", f"Give a number from 0 to {PRIORITY_MAX}."
    if asked.HasField("delay") and asked.HasField("not_before"):
        yield "not_before", "is given together with `delay`", "Give one of them."
    for name in ("delay", "deadline"):
        least = 1 if name == "deadline" else 0
        if asked.HasField(name) and not least <= _us(getattr(asked, name)) <= DELAY_US_MAX:
            span = "more than 0, and" if least else "0 or more, and"
            what = f"is {_us(getattr(asked, name)) / 1e6:g} s"
            yield name, what, f"Give {span} at most 366d."
    if asked.HasField("not_before") and not 0 <= _us(asked.not_before) <= LAST_INSTANT_US:
        yield "not_before", "cannot be reached", "Give an instant before the year 10000."
    chosen = asked.execution_id
    if len(chosen) > NAME_CHARS_MAX or not chosen.isprintable():
        fix = f"Give at most {NAME_CHARS_MAX} printable characters."
        yield "execution_id", "is not acceptable", fix
    if chosen and request.idempotency_key:
        yield "execution_id", "is given together with an idempotency key", "Give one of them."
    if asked.vars_json:
        yield from _flaw_of_vars(asked.vars_json)


def _flaw_of_vars(json: bytes) -> Iterator[Finding]:
    if len(json) > _VARS_TEXT_MAX:
        yield "vars", f"has {len(json)} bytes", f"Give at most {_VARS_TEXT_MAX}."
        return
    try:
        decoded_object(json, "vars")
    except PenstockError:
        yield "vars", "is not a JSON object", 'Give {"name": value, ...}.'
        return
    for name, what, fix in first_flaws(values_of(json)):
        path = f"vars.{name[:80]}" if name else "vars"
        yield path, f"is not acceptable: {what}", f"{fix[0].upper()}{fix[1:]}."


def _us(when: Duration | Timestamp) -> int:
    """Microseconds; of an instant, since the Unix epoch. Never fails."""
    return when.seconds * 1_000_000 + when.nanos // 1_000
