"""I13 at the front door: whatever route another account asks, with ids, names, cursors and queries
that mean something to the owner, the answer is the one it would get if there were no such thing.

The table is held against the OpenAPI document, so that a new route cannot be forgotten.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from penstock.embedded import ClusterFile
from penstock.gateway.http.openapi import openapi_document
from support.accounts import gateway_of
from support.crossing import ABOUT_NOBODY, ASKS, MAKES_OWN, Ask, Things, make_things

pytestmark = pytest.mark.e2e

OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, methods in openapi_document()["paths"].items()
    for method, operation in methods.items()
}
ASKED = [
    pytest.param(name, ask, id=f"{name}-{number}")
    for name, asks in ASKS.items()
    for number, ask in enumerate(asks)
]
NOBODYS: Things = {
    "workflow": "nobodys-asks",
    "name": "nobodys-asks",
    "node": "ask",
    "breaker": "nobodys-bank",
    "id": "nobodys/schedule",
    "backfill": "01JD0000000000000000000001",
    "execution": "01JD0000000000000000000002",
    "execution_id": "01JD0000000000000000000002",
    "failed": "01JD0000000000000000000003",
    "held": "01JD0000000000000000000004",
    "parent": "01JD0000000000000000000005",
    "operation_id": "01JD0000000000000000000006",
    "task_id": "01JD0000000000000000000002.0.0.1",
    "own": "01JD0000000000000000000007",
    "digest": "0" * 64,
}
PASSING = ("trace_id", "id", "created_at", "looks", "rounds", "executions", "resting")
"""What differs from one moment to the next; of an audit: how much the whole engine looked at."""


@pytest.fixture(scope="module")
def stranger_url(cluster: ClusterFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("stranger") / "gateway.log"
    with gateway_of("stranger", cluster, log) as url:
        yield url


@pytest.fixture
async def owner(cluster: ClusterFile) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cluster.gateway_url) as http:
        yield http


@pytest.fixture
async def stranger(stranger_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stranger_url) as http:
        yield http


@pytest.fixture(scope="module")
def kept() -> dict[str, Things]:
    return {}


@pytest.fixture
async def things(owner: aiohttp.ClientSession, kept: dict[str, Things]) -> Things:
    if "things" not in kept:
        kept["things"] = {"own": NOBODYS["own"], **await make_things(owner)}
    return kept["things"]


def filled(template: Any, things: Mapping[str, str]) -> Any:
    """A template with the names of things replaced by what they are for somebody."""
    if isinstance(template, str):
        return re.sub(r"\{(\w+)\}", lambda found: things[found[1]], template)
    if isinstance(template, list):
        return [filled(each, things) for each in template]
    if isinstance(template, dict):
        return {name: filled(each, things) for name, each in template.items()}
    return template


async def answered(
    http: aiohttp.ClientSession, name: str, ask: Ask, things: Things
) -> tuple[int, str]:
    """Status and text of what is answered when an operation is asked about things."""
    method, path = OPERATIONS[name]
    parts = {part: filled(text, things) for part, text in ask.path.items()}
    place = re.sub(r"\{(\w+)\}", lambda found: quote((things | parts)[found[1]], safe=""), path)
    headers = {**ask.headers}
    if name == "watchSocket":
        headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
        headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    async with http.request(
        method,
        URL(place, encoded=True),
        params=filled(dict(ask.query), things) or None,
        json=filled(ask.body, things),
        headers=headers,
    ) as answer:
        if answer.status == 101 or answer.content_type == "text/event-stream":
            return answer.status, ""
        return answer.status, await answer.text()


def without_names(told: str, things: Things) -> Any:
    """An answer in which things are called by what they are, and nothing depends on the moment."""
    names = [each for each in things.items() if len(each[1]) > 5]
    for thing, value in sorted(names, key=lambda each: -len(each[1])):
        told = told.replace(value, f"<{thing}>").replace(quote(value, safe=""), f"<{thing}>")
    found = json.loads(told) if told else None
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if key not in PASSING}
    return found


def test_every_route_is_asked():
    concerned = {name for name, (_, path) in OPERATIONS.items() if path.startswith("/v1/")}
    assert set(ASKS) | ABOUT_NOBODY >= concerned
    assert set(ASKS) <= concerned


@pytest.mark.parametrize(
    ("name", "ask"), [each for each in ASKED if each.values[0] not in MAKES_OWN]
)
async def test_it_is_as_if_it_were_not_there(
    name: str, ask: Ask, things: Things, stranger: aiohttp.ClientSession
):
    nobodys = NOBODYS | {"cursor": things["cursor"], "breakpoint": things["breakpoint"]}
    of_owner = await answered(stranger, name, ask, things)
    of_nobody = await answered(stranger, name, ask, nobodys)
    assert of_owner[0] == of_nobody[0]
    shown = without_names(of_owner[1], things)
    assert shown == without_names(of_nobody[1], nobodys)
    assert "owned" not in json.dumps(shown).replace("owned-name", "")


async def test_the_same_names_are_another_thing_of_another_account(
    things: Things, owner: aiohttp.ClientSession, stranger: aiohttp.ClientSession
):
    own = await make_things(stranger)
    shared = {"workflow", "name", "node", "breaker", "id", "digest", "breakpoint"}
    alike = {thing for thing in own if own[thing] == things.get(thing)}
    assert alike == shared
    async with stranger.delete("/v1/schedules/owned%2Fschedule") as removed:
        assert removed.status == 200
    async with stranger.post("/v1/executions/owned-name/cancel") as cancelled:
        assert cancelled.status == 200
    breaker = {"key": things["breaker"], "action": "reset"}
    async with stranger.post("/v1/breakers", json=breaker) as reset:
        assert reset.status == 200
    async with owner.get("/v1/schedules/owned%2Fschedule") as found:
        assert found.status == 200
    async with owner.get("/v1/executions/owned-name") as found:
        assert (await found.json())["status"] == "RUNNING"
    async with owner.get("/v1/breakers") as found:
        states = {one["key"]: one["state"] for one in (await found.json())["breakers"]}
        assert states[things["breaker"]] == "open"


async def test_an_operation_on_all_that_run_is_on_all_of_the_account(
    things: Things, owner: aiohttp.ClientSession, stranger: aiohttp.ClientSession
):
    async with stranger.get("/v1/executions/count", params={"status": "RUNNING"}) as counted:
        count = (await counted.json())["count"]
    asked = {"kind": "cancel", "query": "status:RUNNING"}
    async with stranger.post("/v1/operations", json=asked) as begun:
        operation = await begun.json()
    async with asyncio.timeout(30):
        while operation["state"] == "RUNNING":
            async with stranger.get(f"/v1/operations/{operation['id']}") as found:
                operation = await found.json()
    assert operation["state"] == "COMPLETED"
    assert (operation["matched"], operation["done"]) == (count, count)
    for thing in ("execution", "held"):
        async with owner.get(f"/v1/executions/{things[thing]}") as found:
            assert (await found.json())["status"] == "RUNNING"


async def test_the_owner_finds_all_of_it_untouched(things: Things, owner: aiohttp.ClientSession):
    """Also the proof that what was asked about was there to be found."""
    both = things | {"own": things["parent"]}
    for name, asks in ASKS.items():
        for ask in asks:
            status, told = await answered(owner, name, ask, both)
            assert status < 500, (name, ask, told)
            assert status != 404, (name, ask, told)
