"""Sub-workflows, failure flows and retry hooks through REST: what went wrong is told to people."""

from typing import Any

import aiohttp
import pytest
import stamina

from penstock.embedded import ClusterFile
from support.command_line import Penstock
from support.driving import Driver

pytestmark = pytest.mark.e2e

NEEDY = "flow: 1\nid: needy\nparams: {n: {type: number}}\nnodes:\n  a: {run: 'return 1;'}\n"
QUICKLY = {"wait_initial": 0.05, "wait_max": 0.2}


class NotTold(Exception):
    """It is not there yet."""


@pytest.fixture
async def driver(cluster: ClusterFile):
    async with aiohttp.ClientSession() as session:
        yield Driver(cluster.gateway_url, session)


async def refused(driver: Driver, execution_id: str, count: int = 1) -> list[dict[str, Any]]:
    """What the execution could not get, once so much of it is told."""
    async for attempt in stamina.retry_context(on=NotTold, attempts=None, timeout=20.0, **QUICKLY):
        with attempt:
            told = await driver.ask("GET", f"/v1/executions/{execution_id}")
            if len(told["refused_starts"]) < count:
                raise NotTold(told["refused_starts"])
            return told["refused_starts"]
    raise NotTold(execution_id)


async def test_a_failure_flow_that_does_not_exist_is_told_with_the_failed_execution(
    driver: Driver, penstock: Penstock
):
    await driver.apply(
        "flow: 1\nid: lonely\non_failure: {workflow: nobody-home}\n"
        "nodes:\n  work: {run: \"throw new Error('no disk');\"}\n"
    )
    end = await driver.run("lonely", "lonely 1", {})
    (one,) = await refused(driver, end["id"])
    assert (one["kind"], one["workflow"], one["node"]) == ("FAILURE_FLOW", "nobody-home", "work")
    assert (one["item"], one["attempt"]) == (None, 0)
    assert one["failure"]["reason"] == "NOT_FOUND"
    assert "nobody-home" in one["failure"]["message"]
    assert one["at"].endswith("Z")
    for command in ("get", "show"):
        shown = penstock("execution", command, end["id"]).stdout
        assert "not started: failure flow nobody-home: NOT_FOUND" in shown
    assert await driver.children_of(end["id"]) == []


async def test_parameters_that_do_not_fit_a_failure_flow_are_named(driver: Driver):
    await driver.apply(NEEDY)
    await driver.apply(
        'flow: 1\nid: clumsy\non_failure: {workflow: needy, params: {n: "x", m: 1}}\n'
        "nodes:\n  work: {run: \"throw new Error('no disk');\"}\n"
    )
    end = await driver.run("clumsy", "clumsy 1", {})
    (one,) = await refused(driver, end["id"])
    assert one["failure"]["reason"] == "INVALID_PARAMS"
    assert "params.n: " in one["failure"]["message"]
    assert {each["path"] for each in one["failure"]["details"]["issues"]} == {
        "params.n",
        "params.m",
    }


async def test_hooks_and_sub_workflows_that_nobody_waits_for_are_told_too(
    driver: Driver, penstock: Penstock
):
    await driver.apply("""
flow: 1
id: careless
nodes:
  call:
    run: "throw new Error('busy');"
    on_error: continue
    retry: {max_attempts: 2, initial_delay: 10ms, on: [user], hook: no-such-hook}
  send:
    for_each: ${{ [1, 2] }}
    uses: workflow@1
    with: {workflow: no-such-flow, wait: false}
""")
    end = await driver.run("careless", "careless 1", {})
    assert end["status"] == "COMPLETED"
    told = await refused(driver, end["id"], 3)
    assert [(one["kind"], one["node"], one["item"], one["attempt"]) for one in told] == [
        ("RETRY_HOOK", "call", None, 1),
        ("SUB_WORKFLOW", "send", 0, 1),
        ("SUB_WORKFLOW", "send", 1, 1),
    ]
    shown = penstock("execution", "get", end["id"]).stdout
    assert "not started: retry hook no-such-hook of call: NOT_FOUND" in shown
    assert "not started: sub-workflow no-such-flow of send[1]: NOT_FOUND" in shown


async def test_who_could_get_all_of_it_has_nothing_refused(driver: Driver):
    await driver.apply(NEEDY)
    await driver.apply(
        "flow: 1\nid: careful\non_failure: {workflow: needy, params: {n: 1}}\n"
        "nodes:\n  work: {run: \"throw new Error('no disk');\"}\n"
    )
    end = await driver.run("careful", "careful 1", {})
    assert end["status"] == "FAILED"
    async for attempt in stamina.retry_context(on=NotTold, attempts=None, timeout=20.0, **QUICKLY):
        with attempt:
            if not await driver.children_of(end["id"]):
                raise NotTold
    told = await driver.ask("GET", f"/v1/executions/{end['id']}")
    assert told["refused_starts"] == []


async def test_the_cause_of_a_failure_is_told_once_through_three_levels(driver: Driver):
    await driver.apply(
        "flow: 1\nid: level3\nnodes:\n  charge: {run: \"throw new Error('declined');\"}\n"
    )
    await driver.apply(
        "flow: 1\nid: level2\nnodes:\n"
        "  cards: {for_each: '${{ [7, 8] }}', max_parallel: 1, uses: workflow@1, "
        "with: {workflow: level3}}\n"
    )
    await driver.apply(
        "flow: 1\nid: level1\nnodes:\n  call: {uses: workflow@1, with: {workflow: level2}}\n"
    )
    end = await driver.run("level1", "level1 1", {})
    failure = end["failure"]
    assert (failure["reason"], failure["error_class"]) == ("CHILD_FAILED", "user")
    assert "of workflow level2 failed at cards[0] > level3/charge: " in failure["message"]
    assert failure["message"].count("declined") == 1
    assert failure["details"]["failure"]["reason"] == "SCRIPT_ERROR"
    (level2,) = await driver.children_of(end["id"])
    path = failure["details"]["path"]
    assert path[0]["execution_id"] == level2["execution"]["id"]
    assert [(one["workflow"], one["node"], one["item"]) for one in path] == [
        ("level2", "cards", 0),
        ("level3", "charge", None),
    ]
