"""The past through REST and the command line, on the shipped cluster."""

import json
from typing import Any

import pytest
from aiohttp import web

from penstock.embedded import ClusterFile
from penstock.sdk.client import Client, open_client
from penstock.sdk.errors import ApiError
from support.command_line import Penstock

pytestmark = pytest.mark.e2e

PRICES = """
flow: 1
id: prices
params: {factor: {type: number, default: 2}}
nodes:
  fetch: {run: "return {price: 10, at: Math.random()};"}
  tax: {needs: [fetch], run: "return payload.price * 0.2;"}
  total: {needs: [fetch, tax], run: "return (input.fetch.price + input.tax) * params.factor;"}
  note: {needs: [fetch], run: "return 'seen';"}
output: ${{ nodes.total.output }}
"""

CHANGED = PRICES.replace("payload.price * 0.2", "payload.price * 0.5")


@pytest.fixture
async def client(cluster: ClusterFile):
    async with open_client(cluster.gateway_url) as opened:
        yield opened


@pytest.fixture
def deeds() -> list[str]:
    return []


@pytest.fixture
async def outside(deeds: list[str]):
    """The world: notes what is done to it."""

    async def take(request: web.Request) -> web.Response:
        deeds.append(request.headers["Idempotency-Key"])
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield "http://{}:{}/".format(*runner.addresses[0][:2])
    await runner.cleanup()


async def run(client: Client, source: str, **params: Any) -> str:
    applied = await client.apply(source)
    started = await client.start(applied.name, params, version=applied.version)
    await client.wait(started.id)
    return started.id


async def outputs(client: Client, execution_id: str) -> dict[str, Any]:
    return {node.id: node.output for node in (await client.get_execution(execution_id)).nodes}


async def refused(call: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value


async def test_every_past_event_has_its_picture(client: Client):
    ran = await run(client, PRICES)
    newest = (await client.get_execution(ran)).last_seq
    statuses = []
    for seq in range(1, newest + 1):
        then = await client.history.at(ran, seq=seq)
        assert (then.last_seq, then.past.seq, then.past.newest_seq) == (seq, seq, newest)
        statuses.append({node.id: node.status for node in then.nodes})
    assert set(statuses[0].values()) == {"PENDING"}
    assert statuses[-1] == dict.fromkeys(("fetch", "tax", "total", "note"), "COMPLETED")
    done = [sum(s == "COMPLETED" for s in each.values()) for each in statuses]
    assert done == sorted(done)
    last = await client.history.at(ran, seq=newest)
    assert (await client.history.at(ran, at=last.past.at)).status == "COMPLETED"
    assert (await client.history.at(ran, at="2999-01-01T00:00:00Z")).last_seq == newest


async def test_a_moment_that_is_none_is_refused(client: Client):
    ran = await run(client, PRICES)
    assert "1 to" in (await refused(client.history.at(ran, seq=10_000))).problem.fix
    assert (await refused(client.history.at(ran, at="2001-01-01T00:00:00Z"))).problem.status == 400
    assert (await refused(client.history.at(ran, at="yesterday"))).problem.code == (
        "INVALID_ARGUMENT"
    )
    missing = await refused(client.history.at("01JD0000000000000000000000", seq=1))
    assert missing.problem.status == 404


async def test_two_runs_are_compared_node_by_node(client: Client):
    left, right = await run(client, PRICES), await run(client, PRICES, factor=3)
    found = await client.history.compare(left, right)
    assert not found.same
    assert [place.path for place in found.params.places] == ["factor"]
    nodes = {node.id: node for node in found.nodes}
    assert [place.path for place in nodes["fetch"].output.places] == ["at"]
    assert nodes["tax"].differs == ()
    assert nodes["total"].inputs == ("fetch",)
    assert found.diverges_at == "fetch"
    assert (await client.history.compare(left, left)).same


async def test_nodes_run_again_with_what_came_before_taken_over(client: Client):
    ran = await run(client, PRICES)
    before = await outputs(client, ran)
    made = await client.history.rerun(ran, ["total"], params={"factor": 5})
    assert set(made.carried) == {"fetch", "tax", "note"}
    await client.wait(made.id)
    again = await client.get_execution(made.id)
    assert again.output == 60
    assert {n.id: n.output for n in again.nodes}["fetch"] == before["fetch"]
    assert [n.id for n in again.nodes if n.carried] == ["fetch", "tax", "note"]
    assert (again.origin.execution_id, again.origin.kind) == (ran, "RERUN")
    derived = await client.history.derived(ran)
    assert [each.id for each in derived.items] == [made.id]


async def test_a_node_runs_again_with_another_input(client: Client):
    ran = await run(client, PRICES)
    other = {"fetch": {"price": 100}, "tax": 1}
    made = await client.history.rerun(ran, ["total"], input=other)
    await client.wait(made.id)
    assert (await client.get_execution(made.id)).output == 202
    forked = await client.history.rerun(made.id, ["note"])
    await client.wait(forked.id)
    assert (await client.get_execution(forked.id)).output == 202, "what was carried is carried on"
    wrong = await refused(client.history.rerun(ran, ["total"], input={"fetsch": 1}))
    assert wrong.problem.status == 400
    several = await refused(client.history.rerun(ran, ["total", "note"], input={}))
    assert "one node" in several.problem.fix


async def test_a_repeated_request_starts_nothing_twice(client: Client):
    ran = await run(client, PRICES)
    first = await client.history.rerun(ran, ["tax"], idempotency_key="again")
    second = await client.history.rerun(ran, ["tax"], idempotency_key="again")
    assert (second.id, second.existing) == (first.id, True)
    other = await refused(client.history.rerun(ran, ["note"], idempotency_key="again"))
    assert other.problem.code == "IDEMPOTENCY_CONFLICT"


async def test_a_fork_goes_on_from_a_past_event(client: Client):
    ran = await run(client, PRICES)
    before = await outputs(client, ran)
    newest = (await client.get_execution(ran)).last_seq
    for seq in range(1, newest + 1):
        ended = {n.id for n in (await client.history.at(ran, seq=seq)).nodes if n.finished_at}
        made = await client.history.fork(ran, seq)
        await client.wait(made.id)
        forked = await client.get_execution(made.id)
        assert forked.status == "COMPLETED"
        assert set(made.carried) == {n.id for n in forked.nodes if n.carried} == ended
        if "fetch" in ended:
            assert (await outputs(client, made.id))["fetch"] == before["fetch"]


async def test_a_version_that_does_not_fit_is_refused_with_all_findings(client: Client):
    ran = await run(client, PRICES)
    without = CHANGED.replace("  note: {needs: [fetch], run: \"return 'seen';\"}\n", "")
    await client.apply(without)
    error = await refused(client.history.rerun(ran, ["total"], version="latest"))
    assert error.problem.code == "OUTCOMES_DO_NOT_FIT"
    assert {issue.code for issue in error.problem.errors} == {"NODE_CHANGED", "NODE_MISSING"}
    unknown = await refused(client.history.rerun(ran, ["totla"]))
    assert 'did you mean "total"?' in unknown.problem.errors[0].fix
    assert (await refused(client.history.rerun(ran, []))).problem.status == 400
    assert not (await client.history.derived(ran)).items
    await client.apply(CHANGED)
    fits = await client.history.rerun(ran, ["tax"], version="latest")
    await client.wait(fits.id)
    assert (await client.get_execution(fits.id)).output == 30


async def test_effects_of_what_is_taken_over_do_not_happen_again(
    client: Client, deeds: list[str], outside: str
):
    flow = f"""
flow: 1
id: deeds
nodes:
  deed: {{uses: http@1, with: {{method: POST, url: "{outside}"}}}}
  then: {{needs: [deed], run: "return payload.status;"}}
"""
    ran = await run(client, flow)
    assert len(deeds) == 1
    made = await client.history.rerun(ran, ["then"])
    await client.wait(made.id)
    assert (await outputs(client, made.id))["then"] == 200
    assert len(deeds) == 1


async def test_versions_are_compared_and_rolled_back(client: Client, penstock: Penstock):
    flow = PRICES.replace("id: prices", "id: rolled")
    first = (await client.apply(flow)).version
    changed = flow.replace("payload.price * 0.2", "payload.price * 0.5")
    second = (await client.apply(changed)).version
    running = await client.start("rolled", version=second)
    found = await client.history.compare_versions("rolled", first, second)
    assert [node.id for node in found.changed] == ["tax"]
    back = await client.history.roll_back("rolled", first)
    assert (back.version, back.created) == (second + 1, True)
    assert not (await client.history.roll_back("rolled", first)).created
    assert (await client.get_execution(running.id)).version == second
    assert (await client.history.compare_versions("rolled", first)).same
    missing = await refused(client.history.roll_back("rolled", 99))
    assert missing.problem.status == 404
    shown = penstock("workflow", "diff", "rolled", str(first), str(second))
    assert "~ tax" in shown.stdout, shown.stderr
    assert penstock("workflow", "rollback", "rolled", "0").returncode == 2
    listed = penstock("workflow", "versions", "rolled", "-o", "json")
    assert len(json.loads(listed.stdout)["items"]) == 3


async def test_the_command_line_shows_the_past_and_goes_on_from_it(
    client: Client, penstock: Penstock
):
    ran = await run(client, PRICES)
    shown = penstock("execution", "show", ran, "--at", "1")
    assert "as of event 1 of" in shown.stdout, shown.stderr
    made = penstock("execution", "rerun", ran, "--from", "total", "-p", "factor=7", "-o", "json")
    again = json.loads(made.stdout)["id"]
    await client.wait(again)
    assert (await client.get_execution(again)).output == 84
    table = penstock("execution", "diff", ran, again).stdout
    assert "They first differ at total" in table
    assert "factor: 2 -> 7" in table
    forked = penstock("execution", "fork", ran, "--at", "1")
    assert forked.returncode == 0, forked.stderr
    assert "re-run of" in penstock("execution", "show", again).stdout
