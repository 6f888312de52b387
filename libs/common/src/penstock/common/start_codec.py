"""What a start asked for, as protobuf and back: the rarer part of `ExecutionStarted`."""

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.child_codec import read_parent, write_parent
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import OriginKind


def write_options(target: journal.StartOptions, options: ev.StartOptions) -> None:
    """Fill a message; fields that have their default are left out."""
    target.SetInParent()
    if options.priority is not None:
        target.priority_plus_one = options.priority + 1
    target.not_before_unix_us = options.not_before_us
    target.deadline_unix_us = options.deadline_us
    target.vars_json = options.vars_json
    target.debug = options.debug
    if options.parent is not None:
        write_parent(target.parent, options.parent)
    if options.origin is not None:
        target.origin.execution_id = options.origin.execution_id
        target.origin.seq = options.origin.seq
        target.origin.kind = int(options.origin.kind)  # type: ignore[assignment]


def read_options(message: journal.StartOptions) -> ev.StartOptions:
    """What a message holds."""
    origin = message.origin
    return ev.StartOptions(
        priority=message.priority_plus_one - 1 if message.priority_plus_one else None,
        not_before_us=message.not_before_unix_us,
        deadline_us=message.deadline_unix_us,
        vars_json=message.vars_json,
        debug=message.debug,
        parent=read_parent(message.parent) if message.HasField("parent") else None,
        origin=ev.Origin(origin.execution_id, origin.seq, OriginKind(origin.kind))
        if message.HasField("origin")
        else None,
    )
