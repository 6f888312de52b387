"""Small random flows: what they are made of is in `support.simulated.flows`, here they also wait
for signals."""

from random import Random
from typing import Any

from support.simulated.flows import Nodes, delay, flow, http, js

SIGNAL = "go"


def wait(*needs: Any, timeout: str = "") -> dict[str, Any]:
    """Wait for a signal."""
    config = {"signal": SIGNAL, **({"timeout": timeout} if timeout else {})}
    return {"needs": list(needs), "uses": "wait@1", "with": config}


def random_source(rng: Random, name: str) -> str:
    """Up to seven nodes: pure, acting, sleeping, fanned out, with all kinds of edges and
    policies."""
    nodes: Nodes = {}
    for at in range(rng.randint(1, 7)):
        nodes[f"n{at}"] = _node(rng, _needs(rng, at))
    more = {"deadline": "20s"} if rng.random() < 0.04 else {}
    return flow(name, nodes, **more)


def random_family(rng: Random) -> dict[str, str]:
    """A flow whose nodes run others, and these: one that acts, one that sleeps, one that fails and
    has a failure flow."""
    leaves = {
        "leaf": flow("leaf", {"a": js(), "b": js("a", calls=1)}),
        "sleepy": flow("sleepy", {"a": delay(seconds=rng.choice((0.2, 0.8, 2)))}),
        "bad": flow("bad", {"a": js(throws=99)}, on_failure={"workflow": "leaf"}),
    }
    nodes: Nodes = {"n0": js()}
    for at in range(1, rng.randint(2, 5)):
        node: dict[str, Any] = {
            "needs": [f"n{rng.randrange(at)}"],
            "uses": "workflow@1",
            "with": {"workflow": rng.choice((*leaves, "nowhere"))},
            "on_error": rng.choice(("continue", "continue", "skip", "fail")),
            "retry": rng.choice(("none", "none", "fast")),
        }
        if rng.random() < 0.3:
            node["for_each"] = "${{ params.list }}"
            node["max_parallel"] = rng.choice((1, 2, 10))
        node["with"]["wait"] = rng.random() < 0.9
        nodes[f"n{at}"] = node
    more: dict[str, Any] = {}
    if rng.random() < 0.3:
        nodes["tidy"] = js(calls=1)
        more["on_failure"] = "tidy"
    return {"family": flow("family", nodes, **more), **leaves}


def _needs(rng: Random, at: int) -> list[Any]:
    wanted = rng.choice((0, 1, 1, 1, 1, 2, 3)) if at > 1 else 1
    parents = [f"n{parent}" for parent in rng.sample(range(at), min(at, wanted))]
    kinds = ("success",) * 5 + ("always", "failure")
    ons = [(parent, rng.choice(kinds)) for parent in parents]
    return [one if on == "success" else {"node": one, "on": on} for one, on in ons]


def _node(rng: Random, needs: list[Any]) -> dict[str, Any]:
    effects = rng.choice(("once", "idempotent"))
    dice = rng.random()
    if dice < 0.12:
        return delay(*needs, seconds=rng.choice((0, 0.2, 0.8, 2)))
    if dice < 0.19:
        return wait(*needs, timeout=rng.choice(("", "", "3s")))
    if dice < 0.55:
        node = js(*needs, **_deeds(rng))
    elif dice < 0.85:
        node = js(*needs, calls=rng.choice((1, 1, 2)), effects=effects, **_deeds(rng))
    else:
        node = http(*needs, effects=effects, refused=rng.choice((0, 0, 1)))
    if rng.random() < 0.12:
        node["for_each"] = "${{ params.list }}"
        node["max_parallel"] = rng.choice((1, 2, 10))
    elif rng.random() < 0.08:
        node["when"] = rng.choice(("${{ params.no }}", "${{ !params.no }}"))
    node["retry"] = rng.choice(("none", "fast", "fast"))
    node["on_error"] = rng.choice(("fail", "continue", "continue", "skip"))
    return node


def _deeds(rng: Random) -> dict[str, Any]:
    """What a script does beside its work: takes long, throws at first or always, gives much."""
    dice = rng.random()
    if dice < 0.20:
        return {"ms": rng.choice((25, 60, 400, 1_500))}
    if dice < 0.26:
        return {"throws": rng.choice((1, 99))}
    return {"pad": 70_000} if dice < 0.29 else {}
