"""Random plans and random fates, drawn from a Random that Hypothesis can shrink."""

import json
from random import Random

import msgspec

from penstock.coordinator.core.inputs import (
    AttemptStarted,
    CancelAsked,
    Completed,
    ConditionFalse,
    Failed,
    FannedOut,
    Lost,
    Outcome,
    OutcomeKind,
    Report,
    SignalArrived,
    TaskAnswer,
    TimePassed,
    Waiting,
)
from penstock.coordinator.core.report_check import fits
from penstock.workflow.execution.events import NodesCompleted
from penstock.workflow.execution.values import Failure, NodeRef, Payload
from penstock.workflow.plan import NodePlan, Plan
from penstock.workflow.retry import RetryPolicy
from support.plans import PlanBuilder
from support.simulation import Cluster

WORKERS = ("w1", "w2")
CLASSES = ("transient", "permanent", "system", "user")
ACTIONS = ("left", "right")


def random_plan(rng: Random) -> Plan:
    """Up to eight nodes with every kind of edge, policy and fan-out."""
    builder = PlanBuilder()
    size = rng.randint(1, 8)
    for at in range(size):
        needs = []
        for parent in rng.sample(range(at), min(at, rng.choice((0, 1, 1, 1, 2, 3)))):
            on = rng.choice(("success", "success", "success", "failure", "always"))
            action = rng.choice((None, None, None, *ACTIONS))
            needs.append((f"n{parent}", on, action) if action else (f"n{parent}", on))
        builder.node(
            f"n{at}",
            *needs,
            retry=RetryPolicy(max_attempts=rng.choice((1, 1, 2, 3)), jitter=0.5),
            on_error=rng.choice(("fail", "fail", "continue", "continue", "skip")),
            effects=rng.choice(("none", "none", "idempotent", "once")),
            for_each=rng.choice((None, None, "${{ params.list }}")),
            max_parallel=rng.choice((0, 1, 2)),
            deadline_s=rng.choice((0, 0, 0, 5.0)),
        )
    output = rng.choice((None, f"n{size - 1}"))
    if rng.random() < 0.3:
        sinks = [n.id for n in builder.nodes if not _has_children(builder, n)]
        builder.node("$output", *((sink, "always") for sink in sinks), collects=True)
        output = "$output"
    return builder.plan(output=output, deadline_s=rng.choice((0, 0, 0, 30.0)))


def _has_children(builder: PlanBuilder, node: NodePlan) -> bool:
    return any(node.index in other.parents for other in builder.nodes)


def random_payload(rng: Random) -> Payload:
    size = rng.choice((1, 1, 1, 10, 20_000))
    return Payload(json.dumps({"n": rng.randint(0, 99), "x": "y" * size}).encode())


def random_kind(rng: Random, plan: NodePlan, ref: NodeRef) -> OutcomeKind:
    """A fate that suits the node."""
    dice = rng.random()
    if dice < 0.15:
        return Failed(Failure(rng.choice(CLASSES), "BROKEN", "It broke."), rng.random())
    if dice < 0.20:
        return ConditionFalse()
    if dice < 0.25:
        return Lost("handed back")
    if dice < 0.30:
        return Waiting(duration_us=rng.choice((0, 1_000_000)), output=random_payload(rng))
    if dice < 0.35:
        return Waiting(duration_us=rng.choice((0, 3_000_000)), signal="go")
    if plan.for_each is not None and not ref.item:
        count = rng.choice((0, 1, 2, 5))
        return FannedOut(count, tuple(b"%d" % at for at in range(count)))
    if dice < 0.50:
        chosen = rng.choice(((), ("left",), ("right", "left"), ("n2", "left"), ("n3",)))
        return Completed(random_payload(rng), chosen, routed=True)
    return Completed(random_payload(rng))


def random_outcome(rng: Random, cluster: Cluster, ref: NodeRef) -> Outcome:
    kind = random_kind(rng, cluster.plan.nodes[ref.node], ref)
    return Outcome(ref, kind, rng.choice((0, cluster.now_us)), cluster.now_us)


def random_report(rng: Random, cluster: Cluster, lease: NodeRef) -> Report:
    """The leased attempt, perhaps with children, perhaps more than the worker has a right to."""
    worker = cluster.held[lease]
    outcomes = [random_outcome(rng, cluster, lease)]
    goes_on = None
    children = list(cluster.plan.nodes[lease.node].children)
    while children and not lease.item and rng.random() < 0.5:
        ref = NodeRef(children.pop(0))
        if cluster.plan.nodes[ref.node].collects:
            break
        if rng.random() < 0.3:
            goes_on = ref
            break
        outcomes.append(random_outcome(rng, cluster, ref))
        children.extend(cluster.plan.nodes[ref.node].children)
    report = Report(worker, lease, tuple(outcomes), goes_on)
    if rng.random() < 0.9:
        while fits(cluster.state, report):
            outcomes = outcomes[:-1] if report.continue_with is None else outcomes
            report = Report(worker, lease, tuple(outcomes))
    return in_a_row(report) if rng.random() < 0.5 else report


def in_a_row(report: Report) -> Report:
    """The same report with its leading good outcomes as a row, as far as a row can say them."""
    count = 0
    for outcome in report.outcomes:
        kind, ref = outcome.kind, outcome.ref
        plain = isinstance(kind, Completed) and not kind.routed and not kind.output.digest
        if not plain or ref.item or outcome.logs or (count and ref.attempt != 1):
            break
        count += 1
    if not count:
        return report
    some = report.outcomes[:count]
    row = NodesCompleted(
        tuple(outcome.ref.node for outcome in some),
        tuple(outcome.kind.output.json for outcome in some if isinstance(outcome.kind, Completed)),
        (0,) * count,
        some[0].started_us,
        some[0].ref.attempt,
        report.worker,
    )
    return msgspec.structs.replace(report, outcomes=report.outcomes[count:], row=row)


def random_turn(rng: Random, cluster: Cluster, sent: list[Report]) -> None:
    """One thing happens."""
    dice = rng.random()
    if dice < 0.30 and cluster.ready:
        cluster.give(rng.choice(cluster.ready), rng.choice(WORKERS))
    elif dice < 0.65 and (busy := [ref for ref in cluster.held if ref not in cluster.unanswered]):
        report = random_report(rng, cluster, rng.choice(busy))
        sent.append(report)
        if rng.random() < 0.1:
            cluster.send_in_vain(report)
        else:
            cluster.report(report, answer_lost=rng.random() < 0.15)
    elif dice < 0.70 and cluster.unanswered:
        cluster.report(rng.choice(list(cluster.unanswered.values())))
    elif dice < 0.75 and sent:
        _send_stale(rng, cluster, rng.choice(sent))
    elif dice < 0.80 and cluster.held:
        ref = rng.choice(list(cluster.held))
        cluster.feed(AttemptStarted(cluster.held[ref], ref, cluster.now_us))
    elif dice < 0.85 and cluster.stores:
        cluster.stored(rng)
    elif dice < 0.88:
        cluster.feed(SignalArrived("go", random_payload(rng), rng.choice(("", "s1", "s2"))))
    elif dice < 0.91:
        cluster.lose(rng.choice(WORKERS))
    elif dice < 0.94:
        again = [r for r in cluster.unanswered.values() if rng.random() < 0.5]
        cluster.restart(keeping=rng.random() < 0.7, said_again=again)
    elif dice < 0.945:
        cluster.feed(CancelAsked("enough"))
    else:
        cluster.now_us += rng.choice((1, 500_000, 2_000_000, -300_000))
        cluster.feed(TimePassed())


def _send_stale(rng: Random, cluster: Cluster, report: Report) -> None:
    """An old report comes again, perhaps from somebody else: it must change nothing."""
    if report.lease in cluster.held or report.lease in cluster.unanswered:
        return
    if report.continue_with in cluster.held or cluster.state.is_current(report.lease):
        return
    before = cluster.state.seq
    cluster.feed(Report(rng.choice(WORKERS), report.lease, report.outcomes, None, report.row))
    assert cluster.state.seq == before
    assert cluster.accepted is False


def run_out(cluster: Cluster) -> None:
    """From here on everything goes well, until the execution has ended (I1)."""
    for _ in range(2_000):
        if cluster.state.end is not None:
            return
        if cluster.unanswered:
            cluster.report(next(iter(cluster.unanswered.values())))
        elif cluster.stores:
            cluster.stored()
        elif cluster.ready:
            cluster.give(cluster.ready[0], "w1")
        elif cluster.held:
            ref = next(iter(cluster.held))
            plan = cluster.plan.nodes[ref.node]
            lists = plan.for_each is not None and not ref.item
            kind = FannedOut(2, (b"1", b"2")) if lists else Completed(Payload(b"1"))
            cluster.report(Report(cluster.held[ref], ref, (Outcome(ref, kind),)))
        elif cluster.next_wake_us():
            cluster.now_us = max(cluster.now_us, cluster.next_wake_us())
            cluster.feed(TimePassed())
        elif tasks := cluster.state.waits.tasks and cluster.state.waits.tasks.by_key:
            task = next(iter(tasks.values()))
            cluster.feed(TaskAnswer(task.wait.ref, "happened", Payload(b"1"), "ann"))
        else:
            cluster.feed(SignalArrived("go", Payload(b"1")))
    raise AssertionError("the execution does not end")
