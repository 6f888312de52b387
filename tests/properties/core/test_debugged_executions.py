"""Whatever a debugger does to an execution, and whoever dies meanwhile, its journal keeps every
promise; and one that was held and let go comes to what it comes to alone."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.common.journal_codec import decode_batch
from penstock.coordinator.core import debug_commands as cmd
from penstock.coordinator.core.history_audit import HistoryAudit
from penstock.coordinator.core.inputs import (
    Completed,
    ConditionFalse,
    Failed,
    FannedOut,
    Outcome,
    OutcomeKind,
    Report,
    TimePassed,
    Waiting,
)
from penstock.coordinator.core.resting import is_at_rest
from penstock.workflow.execution.values import Failure, NodeRef, Payload
from penstock.workflow.execution.view import execution_view
from penstock.workflow.plan import Plan
from support.journal_checker import check_journal
from support.random_debugging import let_go, random_breakpoint, random_order
from support.random_runs import random_plan, random_turn, run_out
from support.simulation import Cluster, refold

CALM = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@CALM
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_whatever_a_debugger_does_the_journal_is_right(seed: int, turns: int) -> None:
    rng = Random(seed)
    cluster = Cluster(random_plan(rng))
    cluster.start()
    sent: list[Report] = []
    for _ in range(turns):
        if cluster.state.end is not None:
            break
        if rng.random() < 0.35:
            random_order(rng, cluster)
        else:
            random_turn(rng, cluster, sent)
    if cluster.state.end is None:
        let_go(cluster)
    run_out(cluster)
    batches = [decode_batch(row) for row in cluster.rows]
    assert check_journal(cluster.plan, batches) == []
    audit = HistoryAudit(cluster.plan)
    for _, _, _, events in batches:
        for event in events:
            audit.take(event)
    assert audit.faults == []


def fate(plan: Plan, ref: NodeRef, failures: int, salt: int) -> OutcomeKind:
    """What becomes of an attempt after so many failures, whenever and wherever it runs."""
    rng = Random(f"{salt}/{ref.node}/{ref.item}/{failures}")
    dice = rng.random()
    if dice < 0.2:
        reason = Failure(rng.choice(("transient", "permanent")), "BROKEN", "It broke.")
        return Failed(reason, 0.5)
    if dice < 0.3 and not ref.item:
        return ConditionFalse()
    if plan.nodes[ref.node].for_each is not None and not ref.item:
        return FannedOut(3, (b"1", b"2", b"3"))
    output = Payload(b'{"n": %d}' % rng.randrange(99))
    if dice < 0.4:
        return Waiting(duration_us=1_000_000, output=output)
    if dice < 0.5 and not ref.item:
        return Completed(output, rng.choice((("left",), ("right",), ())), routed=True)
    return Completed(output)


def advance(cluster: Cluster, salt: int) -> bool:
    """One thing goes on by itself; False if nothing can."""
    if cluster.stores:
        cluster.stored()
    elif cluster.ready:
        cluster.give(cluster.ready[0], "w1")
    elif cluster.held:
        ref = next(iter(cluster.held))
        failures = cluster.state.failure_counts.get(cluster.state.key(ref), 0)
        kind = fate(cluster.plan, ref, failures, salt)
        cluster.report(Report("w1", ref, (Outcome(ref, kind),)))
    elif cluster.next_wake_us():
        cluster.now_us = max(cluster.now_us, cluster.next_wake_us())
        cluster.feed(TimePassed())
    else:
        return False
    return True


def came_to(cluster: Cluster) -> tuple[object, ...]:
    """How it ended, with every node's status and output. When an unhandled failure ends it, what
    was left depends on the order in which nodes ran."""
    view = execution_view(refold(cluster.plan, cluster.rows, keep_outputs=True))
    if view.failure is not None:
        return (view.status,)
    return (view.status, view.output, tuple((n.id, n.status, n.output) for n in view.nodes))


@CALM
@given(st.integers(0, 2**32))
def test_an_execution_driven_through_breakpoints_ends_as_one_without(seed: int) -> None:
    rng = Random(seed)
    plan = random_plan(rng)
    if any(node.deadline_s or node.effects == "once" for node in plan.nodes) or plan.deadline_s:
        return  # a restart and the time that passes make a difference to these
    alone = Cluster(plan)
    alone.start()
    while advance(alone, seed):
        pass
    debugged = Cluster(plan)
    debugged.start()
    points = tuple(random_breakpoint(rng, plan) for _ in range(rng.randrange(4)))
    debugged.feed(cmd.DebugAsked(cmd.Attach(rng.random() < 0.5, rng.random() < 0.3, points)))
    for _ in range(2_000):
        if debugged.state.end is not None:
            break
        if rng.random() < 0.1:
            debugged.restart()
        if advance(debugged, seed):
            continue
        assert is_at_rest(debugged.state), "what is held needs nobody"
        debugged.feed(
            cmd.DebugAsked(rng.choice((cmd.Step(), cmd.Step(), cmd.Continue(), cmd.Stop())))
        )
    assert came_to(debugged) == came_to(alone)
    assert check_journal(plan, [decode_batch(row) for row in debugged.rows]) == []
