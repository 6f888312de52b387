"""A debugger that does anything at any time."""

from random import Random

from penstock.coordinator.core import debug_commands as cmd
from penstock.coordinator.core.inputs import Intervention, PauseAsked, ResumeAsked
from penstock.workflow.breakpoints import condition_flaw
from penstock.workflow.execution.debug_events import Breakpoint, Place
from penstock.workflow.execution.values import Operation, Payload
from penstock.workflow.plan import Plan
from support.simulation import Cluster

CONDITIONS = ("", "", "", "${{ run.attempt > 1 }}", "${{ item === 1 }}", "${{ output.n > 50 }}")


def random_breakpoint(rng: Random, plan: Plan) -> Breakpoint:
    """One that a caller could set."""
    while True:
        node = rng.randrange(-1, len(plan.nodes))
        parents = plan.nodes[node].parents if node >= 0 else ()
        place = rng.choice((Place.BEFORE, Place.BEFORE, Place.AFTER))
        edge = bool(parents) and place == Place.BEFORE and rng.random() < 0.3
        point = Breakpoint(
            rng.choice(("b1", "b2", "b3")),
            node,
            rng.choice(parents) if edge else -1,
            place,
            rng.choice(CONDITIONS),
            rng.choice((1, 1, 2)),
            rng.random() < 0.3,
        )
        if not condition_flaw(plan, point):
            return point


def random_command(rng: Random, cluster: Cluster) -> cmd.DebugCommand:
    """Anything, whether it can be done or not."""
    plan, state = cluster.plan, cluster.state
    held = list(state.debug.held) if state.debug is not None else []
    key = rng.choice(held) if held and rng.random() < 0.8 else rng.randrange(len(plan.nodes))
    points = (random_breakpoint(rng, plan),)
    return rng.choice(
        (
            cmd.Attach(rng.random() < 0.3, rng.random() < 0.3, points),
            cmd.Attach(),
            cmd.SetBreakpoints(points),
            cmd.SetBreakpoints(points),
            cmd.ClearBreakpoints((rng.choice(("b1", "b2")),)),
            cmd.Stop(),
            cmd.Continue(),
            cmd.Step(key),
            cmd.Step(),
            cmd.RunTo(rng.randrange(len(plan.nodes))),
            cmd.EditOutput(key, Payload(b'{"n": 7}')),
            cmd.Detach(),
        )
    )


def random_order(rng: Random, cluster: Cluster) -> None:
    """The debugger, or somebody beside it, does something."""
    dice = rng.random()
    state = cluster.state
    if dice < 0.8:
        command = random_command(rng, cluster)
        cluster.feed(cmd.DebugAsked(command, "ann", rng.choice(("", "", "c1", "c2"))))
    elif dice < 0.9 and state.debug is not None and state.debug.held:
        item, node = divmod(rng.choice(list(state.debug.held)), state.tables.size)
        operation = rng.choice(tuple(Operation))
        cluster.feed(Intervention(node, item, operation, value=Payload(b'{"n": 1}')))
    else:
        cluster.feed(rng.choice((PauseAsked(), ResumeAsked())))


def let_go(cluster: Cluster) -> None:
    """Nobody debugs any more, and nothing is paused."""
    cluster.feed(ResumeAsked())
    if cluster.state.debug is not None:
        cluster.feed(cmd.DebugAsked(cmd.Detach()))
