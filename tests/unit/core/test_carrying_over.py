"""What a new execution takes over from a past one, and that it goes on from there."""

from penstock.common.journal_codec import decode_batch, encode_batch
from penstock.coordinator.core.commands import Dispatch
from penstock.coordinator.core.inputs import Start
from penstock.coordinator.core.step import step
from penstock.workflow.carry import Carried, Past, carry_over
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.values import (
    ExecutionStatus,
    Failure,
    NodeRef,
    NodeStatus,
    OriginKind,
    Payload,
    SkipReason,
)
from penstock.workflow.plan import Plan
from penstock.workflow.policies import OnFailure
from support.journal_checker import check_journal
from support.plans import PlanBuilder

BROKEN = Failure("permanent", "BROKEN", "It broke.")
STARTED = ev.ExecutionStarted("flow", 1, "hash-of-flow", "default", Payload(b"{}"))
ORIGIN = ev.StartOptions(origin=ev.Origin("E0", 9, OriginKind.RERUN))


def done(node: int, json: bytes = b"1", **more) -> ev.NodeCompleted:
    return ev.NodeCompleted(NodeRef(node), Payload(json), **more)


def past_of(plan: Plan, *events: ev.Event) -> Past:
    past = Past(plan)
    past.take((STARTED, *events), 1, 1_000)
    return past


def begun(plan: Plan, carried: Carried) -> tuple[ExecutionState, list[int]]:
    """A new execution that takes these over, through the codec; and what it hands out first."""
    state = ExecutionState(plan)
    started = ev.ExecutionStarted(
        "flow", 1, "hash-of-flow", "default", Payload(b"{}"), options=ORIGIN
    )
    made = step(state, Start(started, (ev.OutcomesCarried(carried.outcomes),)), 2_000)
    row = decode_batch(encode_batch("E1", 1, 2_000, made.events))
    assert row[3] == made.events
    again = ExecutionState(plan)
    again.apply_batch(row[3], 1, 2_000)
    assert again.status == state.status
    assert not check_journal(plan, [row], ended=state.end is not None)
    handed = [ref.node for c in made.commands if isinstance(c, Dispatch) for ref in c.refs]
    return state, handed


def diamond() -> Plan:
    builder = PlanBuilder().node("a").node("b", "a").node("c", "a").node("d", "b", "c")
    return builder.plan(output="d")


def test_what_depends_on_the_chosen_nodes_runs_again_and_the_rest_is_taken_over():
    plan = diamond()
    past = past_of(plan, done(0), done(1), done(2), done(3))
    carried = carry_over(past, plan, ["b"])
    assert carried.nodes == ("a", "c")
    state, handed = begun(plan, carried)
    assert handed == [1]
    assert state.status[2] == NodeStatus.COMPLETED


def test_what_had_not_ended_or_was_cancelled_runs():
    plan = diamond()
    events = (done(0), done(1), ev.NodesQueued((2,)), ev.CancelRequested("enough"))
    end = (ev.NodesCancelled((2, 3)), ev.ExecutionEnded(ExecutionStatus.CANCELLED))
    carried = carry_over(past_of(plan, *events, *end), plan)
    assert carried.nodes == ("a", "b")
    assert begun(plan, carried)[1] == [2]


def test_a_failure_that_nobody_handled_is_not_taken_over():
    plan = diamond()
    failed = ev.NodeFailed(NodeRef(1), BROKEN)
    carried = carry_over(past_of(plan, done(0), done(2), failed), plan)
    assert carried.nodes == ("a", "c")
    assert begun(plan, carried)[1] == [1]


def test_a_failure_that_an_edge_handled_is_taken_over_with_the_branch_it_took():
    builder = PlanBuilder().node("a").node("b", "a").node("mend", ("a", "failure"))
    plan = builder.node("end", "b", "mend").plan(output="end")
    failed = ev.NodeFailed(NodeRef(0), BROKEN)
    skipped = ev.NodesSkipped((1,), SkipReason.BRANCH)
    carried = carry_over(past_of(plan, failed, skipped, done(2), done(3)), plan, ["end"])
    assert carried.nodes == ("a", "b", "mend")
    assert begun(plan, carried)[1] == [3]


def test_what_a_router_chose_is_taken_over():
    builder = PlanBuilder().node("route")
    for name in ("left", "right"):
        builder.node(name, ("route", "success", name))
    plan = builder.node("end", "left", "right").plan(output="end")
    past = past_of(
        plan,
        done(0, chosen=("left",), routed=True),
        ev.NodesSkipped((2,), SkipReason.BRANCH),
        done(1),
    )
    state, handed = begun(plan, carry_over(past, plan, ["left"]))
    assert handed == [1]
    assert state.status[2] == NodeStatus.SKIPPED


def test_a_node_skipped_for_its_error_is_taken_over_with_the_error():
    plan = PlanBuilder().node("a", on_error="skip").node("b", ("a", "always")).plan(output="b")
    failed = ev.NodeFailed(NodeRef(0), BROKEN)
    past = past_of(plan, failed, ev.NodesSkipped((0,), SkipReason.ON_ERROR))
    carried = carry_over(past, plan)
    assert carried.outcomes == (failed, ev.NodesSkipped((0,), SkipReason.ON_ERROR))
    assert begun(plan, carried)[0].status[0] == NodeStatus.SKIPPED


def test_everything_taken_over_ends_at_once():
    plan = diamond()
    past = past_of(plan, done(0), done(1), done(2), done(3, b'"all"'))
    state, handed = begun(plan, carry_over(past, plan))
    assert not handed
    assert state.end is not None
    assert state.end.output == Payload(b'"all"')


def test_what_was_carried_once_can_be_carried_again():
    plan = diamond()
    carried = carry_over(past_of(plan, done(0), done(1), done(2), done(3)), plan, ["d"])
    past = past_of(plan, ev.OutcomesCarried(carried.outcomes), done(3))
    assert carry_over(past, plan, ["d"]) == carried


def test_a_fan_out_is_taken_over_only_as_a_whole():
    plan = PlanBuilder().node("each", for_each="${{ params.list }}").plan(output="each")
    fanned = ev.NodeFannedOut(NodeRef(0), 2, (b"1", b"2"))
    item = ev.NodeCompleted(NodeRef(0, 1), Payload(b"1"))
    assert carry_over(past_of(plan, fanned, item), plan).nodes == ()
    whole = past_of(plan, fanned, item, ev.NodeCompleted(NodeRef(0, 2), Payload(b"2")), done(0))
    assert carry_over(whole, plan).nodes == ("each",)


def test_what_ran_because_the_past_one_failed_is_not_taken_over():
    builder = PlanBuilder().node("a").node("b", "a").node("mourn")
    plan = builder.plan(output="b", on_failure=OnFailure(node="mourn"))
    failed = ev.NodeFailed(NodeRef(1), BROKEN)
    carried = carry_over(past_of(plan, done(0), failed, done(2)), plan)
    assert carried.nodes == ("a",)
    assert begun(plan, carried)[1] == [1]


def other(name: str, *nodes: tuple[str, ...], **scripts: str) -> Plan:
    builder = PlanBuilder(name)
    for node, *needs in nodes:
        builder.node(node, *needs, script=scripts.get(node))
    return builder.plan()


def test_a_version_that_lacks_or_changes_what_has_ended_does_not_fit():
    old = other("old", ("a",), ("b", "a"), ("c", "b"))
    new = other("new", ("a",), ("c", "a"), a="return 2;")
    past = past_of(old, done(0), done(1), done(2))
    found = {(issue.code, issue.path) for issue in carry_over(past, new).issues}
    changed = {("NODE_CHANGED", "nodes.a"), ("NODE_CHANGED", "nodes.c")}
    assert found == changed | {("NODE_MISSING", "nodes.b")}
    assert not carry_over(past, new, ["a"]).issues


def test_a_version_that_adds_nodes_fits_and_runs_them():
    old = other("old", ("a",), ("b", "a"))
    new = other("new", ("a",), ("x", "a"), ("b", "a"))
    carried = carry_over(past_of(old, done(0), done(1)), new)
    assert not carried.issues
    assert carried.nodes == ("a", "b")
    assert begun(new, carried)[1] == [1]


def test_nodes_that_the_version_does_not_have_are_findings():
    plan = diamond()
    (issue,) = carry_over(past_of(plan, done(0)), plan, ["bb"]).issues
    assert issue.code == "UNKNOWN_NODE"
