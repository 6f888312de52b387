"""The rules of segments: pure decisions."""

import pytest

from penstock.nodes import catalog
from penstock.worker.program import PlanProgram
from penstock.worker.segment import (
    NODES_MAX,
    QUICK_US,
    SEGMENT_US_MAX,
    SLOW_US,
    CommitThenRun,
    Finish,
    Progress,
    Run,
)
from penstock.workflow.compile import compile_source

TYPES = catalog()


class Seen:
    """A plan's rules, with nodes by name."""

    def __init__(self, nodes: str, held: tuple[str, ...] = ()) -> None:
        self.plan = compile_source(f"flow: 1\nid: t\nnodes:\n{nodes}", TYPES)
        self.rules = PlanProgram(self.plan, TYPES, "default").rules
        self.progress = Progress(self.rules, {self.plan.index_of(name) for name in held})

    def done(self, name, *chosen, routed=False):
        self.progress.note_completed(self.plan.index_of(name), chosen, routed=routed)

    def next(self, spent_us=0):
        match self.progress.next_step(spent_us):
            case Run(nodes):
                return " ".join(self.plan.nodes[node].id for node in nodes)
            case CommitThenRun(node):
                return f"commit, then {self.plan.nodes[node].id}"
            case Finish():
                return "finish"

    def fused(self, name, held=()):
        held = {self.plan.index_of(one) for one in held}
        nodes = self.rules.fuse((self.plan.index_of(name),), {}, held)
        return " ".join(self.plan.nodes[node].id for node in nodes)


def js(name, *needs, **more):
    keys = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  {name}: {{needs: [{', '.join(needs)}], run: 'return 1'{keys}}}\n"


CHAIN = js("a") + js("b", "a") + js("c", "b")
DIAMOND = js("a") + js("b", "a") + js("c", "a") + js("d", "b", "c")


def test_a_chain_of_scripts_is_one_group():
    seen = Seen(CHAIN)
    assert seen.fused("a") == "a b c"
    seen.done("a")
    assert seen.next() == "b c"


def test_a_diamond_is_one_group_in_topological_order():
    assert Seen(DIAMOND).fused("a") == "a b c d"


def test_a_join_with_a_parent_from_outside_is_not_followed():
    seen = Seen(js("a") + js("x") + js("d", "a", "x"), held=("x",))
    assert seen.fused("a", held=("x",)) == "a"
    seen.done("a")
    assert seen.next() == "finish"


def test_what_a_node_reads_must_be_at_hand():
    flow = js("x") + js("a", "x") + "  c: {needs: [a], run: 'return nodes.x.output'}\n"
    assert Seen(flow).fused("a") == "a"
    assert Seen(flow).fused("a", held=("x",)) == "a c"
    seen = Seen(flow, held=("x",))
    seen.done("a")
    assert seen.next() == "c"


@pytest.mark.parametrize(
    "more",
    [{"pool": "gpu"}, {"for_each": "[1, 2]"}, {"timeout": "1s"}, {"when": '"${{ true }}"'},
     {"effects": "once"}, {"limits": "{time: 1s}"}],
)  # fmt: skip
def test_a_script_that_differs_does_not_share_the_call(more):
    assert Seen(js("a") + js("b", "a", **more)).fused("a") == "a"


@pytest.mark.parametrize("more", [{"pool": "gpu"}, {"for_each": "[1, 2]"}])
def test_another_pool_or_a_fan_out_is_left_to_the_coordinator(more):
    seen = Seen(js("a") + js("b", "a", **more))
    seen.done("a")
    assert seen.next() == "finish"


def test_a_script_with_a_condition_follows_alone():
    seen = Seen(js("a") + js("b", "a", when='"${{ true }}"'))
    seen.done("a")
    assert seen.next() == "b"


def test_a_failure_edge_is_not_taken_by_success():
    flow = js("a") + "  b: {needs: [{node: a, on: failure}], run: 'return 1'}\n"
    seen = Seen(flow)
    assert seen.fused("a") == "a"
    seen.done("a")
    assert seen.next() == "finish"


def test_what_comes_after_a_choice_is_not_run_on_the_guess():
    flow = "  a: {run: 'return {__next: [\"c\"]}'}\n" + js("b", "a") + js("c", "a")
    seen = Seen(flow)
    assert seen.fused("a") == "a"
    seen.done("a", "c", routed=True)
    assert seen.next() == "c"


def test_an_action_edge_is_followed_once_chosen():
    flow = (
        "  s: {uses: switch@1, with: {cases: [{when: true, action: x}, {when: true, action: y}]}}\n"
        "  b: {needs: [{node: s, action: x}], run: 'return 1'}\n"
        "  c: {needs: [{node: s, action: y}], run: 'return 1'}\n"
    )
    seen = Seen(flow)
    seen.done("s", "y", routed=True)
    assert seen.next() == "c"


def test_pure_nodes_go_before_the_one_with_an_effect():
    flow = (
        js("a")
        + "  e: {needs: [a], uses: log@1, effects: once, with: {message: x}}\n"
        + "  p: {needs: [a], uses: set@1, with: {value: 1}}\n"
    )
    seen = Seen(flow)
    seen.done("a")
    assert seen.next() == "p"
    seen.done("p")
    assert seen.next() == "commit, then e"


def test_what_was_ready_at_a_commit_is_not_followed_after_it():
    flow = (
        js("a")
        + "  e: {needs: [a], uses: log@1, effects: once, with: {message: x}}\n"
        + "  f: {needs: [a], uses: log@1, effects: once, with: {message: x}}\n"
        + js("g", "e")
    )
    seen = Seen(flow)
    seen.done("a")
    assert seen.next() == "commit, then e"
    seen.progress.claim(seen.plan.index_of("e"))
    seen.done("e")
    assert seen.next() == "g"
    seen.done("g")
    assert seen.next() == "finish"


def test_a_node_that_sleeps_or_was_not_wanted_has_no_followers_here():
    seen = Seen(CHAIN)
    seen.progress.note_other(seen.plan.index_of("a"))
    assert seen.next() == "finish"


def test_long_node_types_are_not_followed():
    seen = Seen(js("a") + "  h: {needs: [a], uses: http@1, with: {url: 'http://x/'}}\n")
    seen.done("a")
    assert seen.next() == "finish"


def test_a_segment_ends_when_its_time_is_over():
    seen = Seen(CHAIN)
    seen.done("a")
    assert seen.next(SEGMENT_US_MAX) == "finish"


def test_a_group_has_a_largest_size():
    flow = js("n0") + "".join(js(f"n{place}", f"n{place - 1}") for place in range(1, 300))
    seen = Seen(flow)
    assert len(seen.fused("n0").split()) == NODES_MAX
    for place in range(NODES_MAX):
        seen.done(f"n{place}")
    assert seen.next() == "finish"


def test_a_node_that_took_long_is_not_followed_until_it_is_quick_again():
    seen = Seen(CHAIN)
    b = seen.plan.index_of("b")
    assert not seen.rules.observe(b, SLOW_US)
    assert not seen.rules.observe(b, SLOW_US - 1)
    assert not seen.rules.observe(b, SLOW_US)
    assert seen.rules.observe(b, SLOW_US)
    assert seen.fused("a") == "a"
    seen.done("a")
    assert seen.next() == "finish"
    assert not seen.rules.observe(b, QUICK_US + 1)
    assert seen.rules.observe(b, QUICK_US)
    assert seen.fused("a") == "a b c"
    assert seen.next() == "b c"


def test_a_script_that_sleeps_is_taken_for_slow_before_it_ever_ran():
    nap = "  b: {needs: [a], run: 'await sleep(500); return 1;'}\n"
    assert Seen(js("a") + nap + js("c", "b")).fused("a") == "a"
