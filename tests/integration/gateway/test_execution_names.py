"""Executions by the names that their starts chose, wherever an id is asked for."""

import pytest
from yarl import URL

from penstock.common.ids import named_ulid
from support.gateway.watchers import socket_messages, sse_messages, watching

ULID = "01JD0000000000000000000000"


async def started(gateway, name, workflow="slow"):
    url = f"/v1/workflows/{workflow}/executions"
    async with gateway.http.post(url, json={"id": name}) as answer:
        body = await answer.json()
    assert body["id"] != name
    return gateway.cluster.executions[body["id"]]


async def asked(gateway, method, path, **more):
    async with gateway.http.request(method, URL(path, encoded=True), **more) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("order-42", "order-42"),
        ("order-42", "name:order-42"),
        ("north west/7 ü", "north%20west%2F7%20%C3%BC"),
        (ULID, f"name:{ULID}"),
        ("name:x", "name:name:x"),
    ],
)
async def test_an_execution_is_found_by_the_name_that_its_start_chose(gateway, name, written):
    execution = await started(gateway, name)
    status, found = await asked(gateway, "GET", f"/v1/executions/{written}")
    assert (status, found["id"]) == (200, execution.id)


async def test_answers_tell_the_id_whatever_the_execution_was_called_by(gateway):
    execution = await started(gateway, "order-42")
    base = "/v1/executions/order-42"
    _, signalled = await asked(gateway, "POST", f"{base}/signals/go", json={"payload": 1})
    assert signalled["id"] == execution.id
    assert gateway.cluster.signals[0].execution_id == execution.id
    _, history = await asked(gateway, "GET", f"{base}/history")
    assert [each["seq"] for each in history["items"]] == [1]
    _, cancelled = await asked(gateway, "POST", f"{base}/cancel")
    assert cancelled == {"id": execution.id, "status": "CANCELLED"}


async def test_live_events_are_watched_by_name(gateway):
    execution = await started(gateway, "a/b")
    execution.end(b"1")
    async with watching(gateway.http, execution.id) as by_id:
        numbers = [each["seq"] async for _, each in by_id]
    async with gateway.http.get(URL("/v1/executions/a%2Fb/events", encoded=True)) as answer:
        assert [each["seq"] async for _, each in sse_messages(answer)] == numbers
    async with gateway.http.ws_connect(URL("/v1/executions/a%2Fb/ws", encoded=True)) as socket:
        assert [each["seq"] async for each in socket_messages(socket)] == numbers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/executions/{}"),
        ("GET", "/v1/executions/{}/events"),
        ("POST", "/v1/executions/{}/cancel"),
    ],
)
async def test_an_execution_that_is_not_there_is_told_of_by_the_name_it_was_asked_by(
    gateway, method, path
):
    status, problem = await asked(gateway, method, path.format("order%2F41"))
    assert (status, problem["code"]) == (404, "NOT_FOUND")
    assert problem["detail"].startswith("There is no execution 'order/41': no start chose")
    assert named_ulid("default", "order/41") not in str(problem)
    assert problem["fix"]


async def test_one_that_is_there_but_is_no_dead_letter_is_not_said_to_be_missing(gateway):
    await started(gateway, "order-42", workflow="echo")
    status, problem = await asked(gateway, "GET", "/v1/dead-letters/order-42")
    assert (status, problem["code"]) == (404, "NOT_FOUND")
    assert problem["detail"] == "There is no dead letter 'order-42'."
