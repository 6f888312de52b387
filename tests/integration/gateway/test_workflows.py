"""Workflow files over REST."""

import pytest

FILE = "flow: 1\nid: fresh\nnodes: {a: {run: return 1}}\n"


@pytest.mark.parametrize(
    "kind", ["text/yaml", "application/yaml", "text/plain", "application/x-yaml"]
)
async def test_a_file_becomes_a_version_and_the_same_file_stays_it(gateway, kind):
    headers = {"content-type": kind}
    async with gateway.http.post("/v1/workflows", data=FILE, headers=headers) as answer:
        body = await answer.json()
    assert (answer.status, body["created"], body["version"]) == (201, True, 1)
    assert answer.headers["location"] == "/v1/workflows/fresh?version=1"
    async with gateway.http.post("/v1/workflows", data=FILE, headers=headers) as answer:
        body = await answer.json()
    assert (answer.status, body["created"], body["version"]) == (200, False, 1)


async def test_a_file_may_be_json(gateway):
    async with gateway.http.post("/v1/workflows", json={"flow": 1, "id": "made"}) as answer:
        assert answer.status == 201
        assert (await answer.json())["name"] == "made"
    async with gateway.http.get("/v1/workflows/made/source") as answer:
        assert answer.content_type == "application/json"


@pytest.mark.parametrize("path", ["/v1/workflows:validate", "/v1/workflows/validate"])
async def test_a_file_is_checked_without_being_stored(gateway, path):
    async with gateway.http.post(path, data=FILE) as answer:
        assert (answer.status, await answer.json()) == (200, {"valid": True, "issues": []})
    async with gateway.http.post(path, data="flow: 1") as answer:
        body = await answer.json()
    assert (answer.status, body["valid"]) == (200, False)
    assert body["issues"][0]["path"] == "nodes"
    async with gateway.http.get("/v1/workflows/fresh") as answer:
        assert answer.status == 404


async def test_a_version_is_read_with_its_source(gateway):
    async with gateway.http.get("/v1/workflows/echo?version=1") as answer:
        body = await answer.json()
    assert body["source"] == "flow: 1\nid: echo\n"
    assert body["nodes"] == ["first", "second"]
    assert body["params_schema"] == {"type": "object"}
    assert body["created_at"] == "2023-11-14T22:13:20.000000Z"


async def test_the_source_comes_as_it_was_applied(gateway):
    async with gateway.http.get("/v1/workflows/echo/source") as answer:
        assert answer.content_type == "application/yaml"
        assert await answer.text() == "flow: 1\nid: echo\n"


async def test_workflows_are_listed_in_pages(gateway):
    async with gateway.http.get("/v1/workflows?limit=2") as answer:
        first = await answer.json()
    async with gateway.http.get(f"/v1/workflows?limit=2&cursor={first['next_cursor']}") as answer:
        second = await answer.json()
    names = [item["name"] for item in first["items"] + second["items"]]
    assert names == ["broken", "echo", "slow"]
    assert second["next_cursor"] is None


async def test_versions_are_listed_newest_first(gateway):
    gateway.cluster.store("flow: 1\nid: echo\ndescription: new\n", "echo")
    async with gateway.http.get("/v1/workflows/echo/versions") as answer:
        assert [item["version"] for item in (await answer.json())["items"]] == [2, 1]


async def test_what_can_be_read_can_be_asked_for_without_its_body(gateway):
    async with gateway.http.get("/v1/workflows/echo") as answer:
        length = answer.headers["content-length"]
    async with gateway.http.head("/v1/workflows/echo") as answer:
        assert (answer.status, answer.headers["content-length"]) == (200, length)
        assert await answer.read() == b""
