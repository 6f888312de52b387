"""What a start asks for beyond parameters, out of its body. Every finding is told. Pure."""

from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1 import workflow_service_pb2 as api
from penstock.common.errors import InvalidArgument
from penstock.gateway.http.requests import NAME_CHARS_MAX, user_value
from penstock.gateway.shapes.executions import StartBody
from penstock.workflow.durations import HELP, parse_duration_s
from penstock.workflow.policies import PRIORITY_MAX, PRIORITY_WORDS

_OPTIONS = ("priority", "delay", "not_before", "deadline", "vars", "id", "debug")
_NONE = StartBody()
_SHOWN_MAX = 60


def start_options(body: StartBody) -> api.StartOptions | None:
    """The options of a start; None for a usual one. Raises `InvalidArgument`."""
    if all(getattr(body, name) == getattr(_NONE, name) for name in _OPTIONS):
        return None
    options = api.StartOptions(execution_id=body.id, vars_json=user_value(body.vars, "vars"))
    options.debug = body.debug
    wrong: list[tuple[str, str]] = []
    if len(body.id) > NAME_CHARS_MAX or not body.id.isprintable():
        wrong.append(("id", f"For a name give at most {NAME_CHARS_MAX} printable characters."))
    if body.priority is not None:
        _set_priority(options, body.priority, wrong)
    for name, value in (("delay", body.delay), ("deadline", body.deadline)):
        if value is not None:
            _set_duration(getattr(options, name), name, value, wrong)
    if body.not_before is not None:
        _set_instant(options.not_before, body.not_before, wrong)
    if wrong:
        told = " ".join(f"`{name}` cannot be {_shown(getattr(body, name))}." for name, _ in wrong)
        fix = " ".join(dict.fromkeys(each for _, each in wrong))
        raise InvalidArgument(told, fix=fix, path=wrong[0][0])
    return options


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def _set_priority(
    options: api.StartOptions, value: int | str, wrong: list[tuple[str, str]]
) -> None:
    number = PRIORITY_WORDS.get(value, -1) if isinstance(value, str) else value
    if not 0 <= number <= PRIORITY_MAX:
        words = ", ".join(PRIORITY_WORDS)
        wrong.append(("priority", f"Give a number from 0 to {PRIORITY_MAX}, or {words}."))
        return
    options.priority_plus_one = number + 1


def _set_duration(
    target: Duration, name: str, value: float | str, wrong: list[tuple[str, str]]
) -> None:
    seconds = parse_duration_s(value)
    if seconds is None:
        wrong.append((name, f"For a time {HELP}."))
        return
    if name == "deadline" and not seconds:
        wrong.append((name, "Give a deadline of more than 0."))
        return
    target.FromMicroseconds(round(seconds * 1e6))


def _set_instant(target: Timestamp, value: str, wrong: list[tuple[str, str]]) -> None:
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError
        target.FromMicroseconds(round(instant.timestamp() * 1e6))
    except (ValueError, OverflowError):
        wrong.append(("not_before", "Give an instant such as 2027-01-31T09:00:00Z, with a zone."))
