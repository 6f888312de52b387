"""Where each node stands, for people: made from a state that was folded with `keep_outputs`."""

import msgspec

from penstock.workflow.execution.debugging import Held
from penstock.workflow.execution.decisions import instant_text
from penstock.workflow.execution.facts import NodeFacts
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.place import place_of
from penstock.workflow.execution.state import progress
from penstock.workflow.execution.values import (
    ExecutionStatus,
    Failure,
    LogLine,
    NodeStatus,
    Payload,
)
from penstock.workflow.execution.waits import BEGINNING

NAMES_SHOWN_MAX = 3
"""Parents that a sentence names before it counts the rest."""


class NodeView(msgspec.Struct, frozen=True):
    """One node. Times are microseconds since the Unix epoch, 0 if not known; `worker` is that of
    the last attempt; `waiting_for` is one sentence, empty if the node runs or has ended. What is
    `carried` ended in a past execution, which this one took it over from."""

    index: int
    id: str
    uses: str
    status: NodeStatus
    attempt: int
    started_us: int
    finished_us: int
    output: Payload | None
    failure: Failure | None
    items_total: int
    items_done: int
    items_failed: int
    waiting_for: str
    worker: str
    logs: tuple[LogLine, ...]
    needs: tuple[str, ...]
    carried: bool = False
    child_id: str = ""


class ExecutionView(msgspec.Struct, frozen=True):
    """One execution; `nodes` in plan order, those the engine added included. `vars_json` are its
    variables, empty if it has none."""

    status: ExecutionStatus
    output: Payload | None
    failure: Failure | None
    failed_node: str
    started_us: int
    finished_us: int
    last_seq: int
    nodes_total: int
    nodes_done: int
    nodes: tuple[NodeView, ...]
    vars_json: bytes = b""


def execution_view(state: ExecutionState) -> ExecutionView:
    """The whole picture of an execution that has started."""
    return view_of(state, node_views(state))


def view_of(state: ExecutionState, nodes: tuple[NodeView, ...]) -> ExecutionView:
    """The picture with these of its nodes."""
    end = state.end
    completed = end is not None and end.status == ExecutionStatus.COMPLETED
    goes_on = ExecutionStatus.PAUSED if state.is_paused else ExecutionStatus.RUNNING
    done, total = progress(state)
    return ExecutionView(
        status=end.status if end else goes_on,
        output=end.output if end and completed else None,
        failure=end.failure if end else None,
        failed_node=state.plan.nodes[end.node].id if end and end.node >= 0 else "",
        started_us=state.started_us,
        finished_us=state.updated_us if end else 0,
        last_seq=state.seq,
        nodes_total=total,
        nodes_done=done,
        nodes=nodes,
        vars_json=state.variables.text() if state.variables is not None else b"",
    )


def node_views(state: ExecutionState) -> tuple[NodeView, ...]:
    """Every node of a started execution, in plan order."""
    return tuple(node_view(state, index) for index in range(state.tables.size))


def waiting_for(state: ExecutionState, index: int) -> str:
    """Why a node does not run, in one sentence; empty if it runs or has ended."""
    status = state.status[index]
    if status == NodeStatus.PENDING and index == state.tables.failure_node:
        return "Runs if the execution fails."
    if state.is_paused and _is_held(state, index, status):
        return paused_text(state)
    if state.debug is not None and index in state.debug.held:
        return _debugger_holds(state.debug.held[index])
    if status == NodeStatus.PENDING:
        return _waits_for_parents(state, index)
    if status == NodeStatus.QUEUED:
        node = state.plan.nodes[index]
        if node.collects:
            return "Waits for its output to be stored."
        return _queued(state, index)
    if status == NodeStatus.WAITING:
        asleep = _sleeps(state, index)
        return f"{asleep} {_stays(state, index)}" if state.is_paused else asleep
    asleep = items_asleep(state, index) if index in state.fan_outs else ""
    if asleep:
        items = state.fan_outs[index]
        return f"{items.done:,} of {items.count:,} items are done, {asleep}."
    return ""


def paused_text(state: ExecutionState) -> str:
    """What a paused execution waits for: since when, by whom, why."""
    return f"Waits for the execution to be resumed: {_paused_since(state)}."


def items_asleep(state: ExecutionState, node: int) -> str:
    """What items of a fan-out wait for that no worker has; empty if there are none."""
    items = state.fan_outs[node]
    asleep = items.status.count(NodeStatus.WAITING)
    if not asleep:
        return ""
    size, of = state.tables.size, state.waits.children.items()
    children = [child for child, key in of if key % size == node]
    if len(children) < asleep:
        return f"{asleep:,} wait for a time or a signal"
    named = ", ".join(children[:NAMES_SHOWN_MAX])
    more = asleep - NAMES_SHOWN_MAX
    executions = "execution" if asleep == 1 else "executions"
    return f"{asleep:,} wait for {executions} {named}" + (f" and {more:,} more" if more > 0 else "")


def _paused_since(state: ExecutionState) -> str:
    touched = state.touched
    if touched is None or touched.paused is None:
        return "it is paused"
    by = f" by {touched.paused.by}" if touched.paused.by else ""
    why = f" ({touched.paused.reason})" if touched.paused.reason else ""
    return f"it was paused at {instant_text(touched.paused_us)}{by}{why}"


def _stays(state: ExecutionState, index: int) -> str:
    """How a pause keeps what sleeps from going on, whatever comes."""
    wait = state.waits.sleeping.get(index)
    if wait is not None and wait.signal in state.waits.signals:
        first = list(state.waits.waiters.get(wait.signal, ()))
        if index in first[: len(state.waits.signals[wait.signal])]:
            return f"The signal is there; it counts at the resume: {_paused_since(state)}."
    return f"Whatever comes before the resume counts then: {_paused_since(state)}."


def _queued(state: ExecutionState, index: int) -> str:
    """Which limit has let it go already only its coordinator knows."""
    node, plan, attempt = state.plan.nodes[index], state.plan, state.attempts[index]
    limited = node.gated or plan.concurrency is not None or plan.rate_limit is not None
    first = "its limits, then for " if limited else ""
    tries = f" (attempt {attempt})" if attempt > 1 else ""
    return f"Waits for {first}a free worker {place_of(node)}{tries}."


def _is_held(state: ExecutionState, index: int, status: int) -> bool:
    """True if a pause is all that keeps a node from going on."""
    if status == NodeStatus.PENDING:
        return not state.pending[index]
    return status == NodeStatus.QUEUED and state.is_held(index)


def node_view(state: ExecutionState, index: int) -> NodeView:
    """One node of a started execution."""
    node = state.plan.nodes[index]
    facts = state.facts.get(index) or NodeFacts()
    items = state.fan_outs.get(index)
    return NodeView(
        index=index,
        id=node.id,
        uses=node.uses,
        status=NodeStatus(state.status[index]),
        attempt=state.attempts[index],
        started_us=facts.started_us,
        finished_us=facts.finished_us,
        output=state.outputs.get(index),
        failure=state.failures.get(index),
        items_total=items.count if items else facts.items_total,
        items_done=items.done if items else facts.items_done,
        items_failed=items.failed if items else facts.items_failed,
        waiting_for=waiting_for(state, index),
        worker=facts.worker,
        logs=tuple(facts.logs),
        needs=tuple(dict.fromkeys(state.plan.nodes[parent].id for parent in node.parents)),
        carried=facts.carried,
        child_id=facts.child_id,
    )


def _waits_for_parents(state: ExecutionState, index: int) -> str:
    nodes = state.plan.nodes
    open_parents = [
        nodes[parent].id
        for parent in dict.fromkeys(nodes[index].parents)
        if state.status[parent] < NodeStatus.COMPLETED
    ]
    if not open_parents and state.is_delayed:
        return f"Starts at {instant_text(state.waits.due[BEGINNING])}."
    if not open_parents:
        return "Waits to be queued."
    named = ", ".join(open_parents[:NAMES_SHOWN_MAX])
    more = len(open_parents) - NAMES_SHOWN_MAX
    return (
        f"Waits for {named} and {more} more to end." if more > 0 else f"Waits for {named} to end."
    )


def _debugger_holds(held: Held) -> str:
    when = "after it ran" if held.is_after else "before it runs"
    point = held.event.breakpoint
    why = f"by breakpoint {point!r}" if point else "by the debugger, which steps"
    note = f" {held.event.note}" if held.event.note else ""
    return f"Held {when} {why}, since {instant_text(held.since_us)}.{note}"


def _sleeps(state: ExecutionState, index: int) -> str:
    due_us = state.waits.due.get(index, 0)
    wait = state.waits.sleeping.get(index)
    if wait is not None and wait.child is not None:
        child = wait.child
        return f"Waits for execution {child.execution_id} of workflow {child.workflow}."

    if wait is not None and wait.task is not None:
        limit = f" until {instant_text(due_us)}" if due_us else ""
        return f"Waits for a person{limit}: {wait.task.title}"
    if wait is not None and wait.again:
        return f"Looks again at {instant_text(due_us)} whether its condition holds."
    if wait is not None and wait.signal:
        limit = f" until {instant_text(due_us)}" if due_us else ""
        return f"Waits for the signal {wait.signal!r}{limit}."
    if wait is not None:
        return f"Sleeps until {instant_text(due_us)}."
    failures = state.failure_counts.get(index, 0)
    tries = state.plan.nodes[index].retry.max_attempts
    failure = state.failures.get(index)
    after = f" after {failure.reason}" if failure else ""
    return (
        f"Tries again at {instant_text(due_us)}{after} (failure {failures}, {tries} tries allowed)."
    )
