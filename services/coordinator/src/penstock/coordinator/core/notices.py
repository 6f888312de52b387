"""What an execution owes to another one. Written with the events that make it so, delivered after
that commit by the shell, again and again until it has arrived."""

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.workflow.execution.events import Parent
from penstock.workflow.execution.values import ExecutionStatus, Failure, NodeRef, Payload


class ChildStart(msgspec.Struct, frozen=True, gc=False):
    """Start an execution under this id, as the sub-workflow of an attempt of the sender's; `debug`
    if somebody steps into it."""

    child_id: str
    ref: NodeRef
    depth: int
    workflow: str
    version: int
    params: Payload
    tags: tuple[str, ...] = ()
    priority: int | None = None
    detached: bool = False
    debug: bool = False


class ChildEnd(msgspec.Struct, frozen=True, gc=False):
    """Tell the execution above that the sender has ended, and how; `node_id` is its node that it
    failed by, empty if none."""

    parent: Parent
    status: ExecutionStatus
    output: Payload
    failure: Failure | None
    node_id: str = ""


class ChildCancel(msgspec.Struct, frozen=True, gc=False):
    """End a sub-workflow of the sender's: what waited for it has been given up."""

    child_id: str
    reason: str


class ReportStart(msgspec.Struct, frozen=True, gc=False):
    """Start a workflow that is to hear of a failure; `report` is its trigger data, but for the
    sender's id. `ref` is the failed attempt that will be repeated; attempt 0 of a node stands for
    the end of the execution."""

    ref: NodeRef
    depth: int
    workflow: str
    params: Mapping[str, Any]
    report: bytes


Notice = ChildStart | ChildEnd | ChildCancel | ReportStart
