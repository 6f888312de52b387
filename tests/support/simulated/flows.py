"""Flows for simulated clusters: fixed ones with every shape that matters, and random ones.

Scripts begin with a comment that says what they would do, see `support.simulated.sandbox`.
"""

import json
from collections.abc import Iterable
from random import Random
from typing import Any

from penstock.workflow.plan import NodePlan
from support.simulated.outside import URL

Nodes = dict[str, dict[str, Any]]
LIST = [1, 2, 3]
REQUEST = f'{{method: "POST", url: "{URL}"}}'


def js(*needs: Any, effects: str = "", calls: int = 0, **does: Any) -> dict[str, Any]:
    """A JavaScript node; with `calls` it acts outside that often."""
    if calls:
        does["effects"] = calls
    act = f"await http({REQUEST}); " if calls else ""
    if "counts" in does:
        name = json.dumps(does["counts"])
        act += f"vars.set({name}, vars.get({name}) + 1); "
    node: dict[str, Any] = {
        "needs": list(needs),
        "run": f"/*{json.dumps(does)}*/ {act}return {{of: input, at: run.attempt}};",
    }
    return node | unattended(effects) if effects else node


def unattended(effects: str) -> dict[str, str]:
    """The keys of a node with effects; nobody is there to be asked whether one has happened."""
    return {"effects": effects} | ({"on_uncertain": "fail"} if effects == "once" else {})


def http(*needs: Any, effects: str = "idempotent", refused: int = 0) -> dict[str, Any]:
    """A request that changes something."""
    body = {"attempt": "${{ run.attempt }}", "refused": refused}
    asked = {"url": URL, "method": "POST", "json": body}
    return {"needs": list(needs), "uses": "http@1", "with": asked, **unattended(effects)}


def ordinals_of(node: NodePlan) -> Iterable[int]:
    """The effects of one run of a node, by their place in it."""
    if node.uses == "http@1":
        return (0,)
    if node.script is None:
        return ()
    does = json.loads(node.script.partition("*/")[0][2:])
    return range(1, 1 + int(does.get("effects", 0)))


def delay(*needs: Any, seconds: float = 1.0) -> dict[str, Any]:
    return {"needs": list(needs), "uses": "delay@1", "with": {"duration": f"{seconds * 1000:g}ms"}}


def flow(name: str, nodes: Nodes, **more: Any) -> str:
    """The file of a flow (JSON is YAML)."""
    params = {"list": {"type": "array", "default": LIST}, "no": {"default": False}}
    return json.dumps({"flow": 1, "id": name, "params": params, "nodes": nodes, **more})


AGAIN = {"max_attempts": 4, "initial_delay": "100ms", "multiplier": 1, "jitter": 0}

FIXED: dict[str, Nodes] = {
    "chain": {"a": js(), "b": js("a"), "c": js("b"), "d": js("c")},
    "diamond": {"a": js(), "b": js("a"), "c": js("a"), "d": js("b", "c"), "e": js("d")},
    "branch": {
        "a": js(choose=["b"]),
        "b": js("a"),
        "c": js("a"),
        "d": js("c"),
        "e": js({"node": "b", "on": "always"}, {"node": "d", "on": "always"}),
    },
    "acting": {
        "a": js(),
        "b": js("a"),
        "c": js("b", calls=1),
        "d": js("c"),
        "e": js("d", calls=2),
        "f": js("e"),
    },
    "once": {
        "a": js(),
        "b": js("a", calls=1, effects="once"),
        "c": js("b"),
        "d": http("c", effects="once"),
        "e": js("d"),
    },
    "wide": {
        "a": js(),
        "b": {**js("a"), "for_each": "${{ params.list }}", "max_parallel": 2},
        "c": {**js("a", calls=1), "for_each": "${{ params.list }}"},
        "d": js("b", "c"),
    },
    "forked": {
        "a": js(),
        "b": js("a", calls=1),
        "c": js("a", calls=1),
        "d": js("a", ms=30),
        "e": js("b", "c", "d"),
    },
    "stumbling": {
        "a": js(),
        "b": {**js("a", calls=1, refused=1), "retry": AGAIN},
        "c": delay("b", seconds=0.2),
        "d": {**js("c", throws=1), "retry": AGAIN},
        "e": {**js("d", throws=99), "on_error": "continue"},
        "f": js("e"),
    },
}
"""Every one ends the same way however often its parts are lost, those with `once` unless an effect
of theirs became uncertain."""


def random_flow(rng: Random, name: str, *, sure: bool = False) -> str:
    """Up to nine nodes: mostly pure, some acting, with all kinds of edges and policies.

    A `sure` one comes to the same whatever is lost or late: no effect that becomes uncertain, no
    failure that ends everything while something else runs, a try more for what fails at first.
    """
    nodes: Nodes = {}
    for at in range(rng.randint(2, 9)):
        node = nodes[f"n{at}"] = _random_node(rng, _random_needs(rng, at))
        if sure and "effects" in node:
            node["effects"] = "idempotent"
        if sure and "retry" in node:
            node["retry"] = "fast"
            node["on_error"] = rng.choice(("continue", "skip"))
    return flow(name, nodes)


def _random_needs(rng: Random, at: int) -> list[Any]:
    wanted = rng.choice((0, 1, 1, 1, 1, 2, 3)) if at > 1 else 1
    parents = [f"n{parent}" for parent in rng.sample(range(at), min(at, wanted))]
    kinds = ("success", "success", "success", "success", "always", "failure")
    ons = [(parent, rng.choice(kinds)) for parent in parents]
    return [one if on == "success" else {"node": one, "on": on} for one, on in ons]


def _random_node(rng: Random, needs: list[Any]) -> dict[str, Any]:
    effects = rng.choice(("once", "idempotent"))
    dice = rng.random()
    if dice < 0.50:
        node = js(*needs, **_random_deeds(rng))
    elif dice < 0.80:
        node = js(*needs, calls=rng.choice((1, 1, 2)), effects=effects, **_random_deeds(rng))
    elif dice < 0.92:
        node = http(*needs, effects=effects, refused=rng.choice((0, 0, 1)))
    else:
        return delay(*needs, seconds=rng.choice((0, 0.2, 3)))
    if rng.random() < 0.12:
        node["for_each"] = "${{ params.list }}"
        node["max_parallel"] = rng.choice((1, 2, 10))
    elif rng.random() < 0.08:
        node["when"] = rng.choice(("${{ params.no }}", "${{ !params.no }}"))
    node["retry"] = rng.choice(("none", "fast", "fast"))
    node["on_error"] = rng.choice(("fail", "continue", "continue", "skip"))
    return node


def _random_deeds(rng: Random) -> dict[str, Any]:
    """What a script does beside its work: takes long, throws at first or always, gives much."""
    dice = rng.random()
    if dice < 0.10:
        return {"ms": rng.choice((25, 60, 400))}
    if dice < 0.18:
        return {"throws": rng.choice((1, 99))}
    return {"pad": 70_000} if dice < 0.22 else {}
