"""Small random flows: what they are made of is in `support.simulated.flows`, here they also wait
for signals."""

from random import Random
from typing import Any

from support.simulated.flows import Nodes, delay, flow, http, js

SIGNAL = "go"
TOTAL = "total"
"""The variable that nodes of a counting flow add to."""


def wait(*needs: Any, timeout: str = "") -> dict[str, Any]:
    """Wait for a signal."""
    config = {"signal": SIGNAL, **({"timeout": timeout} if timeout else {})}
    return {"needs": list(needs), "uses": "wait@1", "with": config}


def awaits_signals(source: str) -> bool:
    """True if something in a flow waits for a signal."""
    return '"wait@1"' in source


def asks_people(source: str) -> bool:
    """True if something in a flow may ask a person."""
    return '"approval@1"' in source or '"ask"' in source


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


def random_limited(rng: Random, name: str) -> str:
    """A flow under limits, mostly shared with other flows: of nodes, of items, of whole runs. What
    runs under one takes long, for only then does it matter who knows of it."""
    nodes: Nodes = {}
    for at in range(rng.choice((1, 1, 2, 3))):
        needs = _needs(rng, at)
        lasts_ms = rng.choice((60, 400, 1_500, 9_000, 9_000))
        dice = rng.random()
        if dice < 0.7:
            node = js(*needs, ms=lasts_ms)
        elif dice < 0.9:
            node = js(*needs, ms=lasts_ms, calls=1, effects=rng.choice(("once", "idempotent")))
        else:
            node = http(*needs, refused=rng.choice((0, 1)))
        if rng.random() < 0.3:
            node["for_each"] = "${{ params.list }}"
        node |= _limits(rng, fanned="for_each" in node)
        node["retry"] = "fast"
        node["on_error"] = rng.choice(("fail", "continue"))
        nodes[f"n{at}"] = node
    more: dict[str, Any] = {}
    if rng.random() < 0.4:
        slots = rng.choice((1, 1, 2))
        full = rng.choice(("queue", "queue", "skip", "cancel"))
        more["concurrency"] = {"key": f"runs-{slots}", "limit": slots, "on_full": full}
    if rng.random() < 0.2:
        more["rate_limit"] = {"key": "runs", "limit": 2, "per": "700ms"}
    return flow(name, nodes, **more)


def random_counting(rng: Random, name: str) -> str:
    """A flow whose nodes, one after the other, add one to the same variable."""
    nodes: Nodes = {}
    for at in range(rng.randint(2, 5)):
        does: dict[str, Any] = {"counts": TOTAL, "throws": rng.choice((0, 0, 1))}
        if rng.random() < 0.4:
            does |= {"calls": 1, "effects": rng.choice(("once", "idempotent"))}
        if rng.random() < 0.3:
            does["ms"] = rng.choice((60, 1_500))
        needs = (f"n{at - 1}",) if at else ()
        nodes[f"n{at}"] = js(*needs, **does) | {"retry": "fast"}
    return flow(name, nodes, vars={TOTAL: 0})


def random_handled(rng: Random, name: str) -> str:
    """A flow that people lay hands on: it takes its time, sleeps, fails at first."""
    nodes: Nodes = {}
    for at in range(rng.randint(1, 4)):
        needs, dice = _needs(rng, at), rng.random()
        lasts_ms = rng.choice((60, 400, 1_500))
        if dice < 0.3:
            node = delay(*needs, seconds=rng.choice((0.8, 2)))
        elif dice < 0.7:
            node = js(*needs, ms=lasts_ms, throws=rng.choice((0, 1, 99)))
        else:
            node = js(*needs, ms=lasts_ms, calls=1, effects="idempotent")
        if rng.random() < 0.2 and "run" in node:
            node["for_each"] = "${{ params.list }}"
        nodes[f"n{at}"] = node | {"retry": "fast", "on_error": rng.choice(("fail", "continue"))}
    return flow(name, nodes)


def random_asking(rng: Random, name: str) -> str:
    """A flow that asks people: whether it may go on, and what became of its effects."""
    nodes: Nodes = {"n0": js()}
    for at in range(1, rng.randint(2, 5)):
        needs = [f"n{rng.randrange(at)}"]
        if rng.random() < 0.6:
            config: dict[str, Any] = {"title": "Go on?"}
            if rng.random() < 0.3:
                config["timeout"] = "2s"
                config["on_timeout"] = rng.choice(("fail", "approve", "reject", "skip"))
            node = {"needs": needs, "uses": "approval@1", "with": config, "on_error": "continue"}
        else:
            node = js(*needs, ms=rng.choice((60, 1_500)), calls=1, effects="once")
            node |= {"on_uncertain": "ask", "on_error": "continue"}
        nodes[f"n{at}"] = node
    return flow(name, nodes)


def _limits(rng: Random, *, fanned: bool) -> dict[str, Any]:
    """What a node is under. Those that share a key have the same limit."""
    limits: dict[str, Any] = {}
    if rng.random() < 0.7:
        slots = rng.choice((1, 1, 2))
        keys = ("", f"at-once-{slots}", f"at-once-{slots}")
        key = rng.choice((*keys, f"item-{slots}-${{{{ item }}}}") if fanned else keys)
        limits["concurrency"] = {"limit": slots, **({"key": key} if key else {})}
    if rng.random() < 0.3:
        limits["rate_limit"] = {"key": "nodes", "limit": 2, "per": "500ms"}
    if rng.random() < 0.15:
        limits["breaker"] = {
            "key": "outside",
            "failure_threshold": 2,
            "timeout": "500ms",
            "on_open": rng.choice(("wait", "fail")),
        }
    return limits


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
