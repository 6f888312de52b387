"""Whatever is wrong with a request, the answer is a problem with a code, a place and a remedy."""

import asyncio
import io
import json
import re

import pytest

from penstock.common.errors import IdempotencyConflict, InvalidParams, Unavailable, WrongOwner
from penstock.gateway.http.openapi import openapi_document
from penstock.gateway.http.requests import BODY_BYTES_MAX, PARAMS_BYTES_MAX

ID = "01JD0000000000000000000000"
START = "/v1/workflows/echo/executions"
JSON = {"content-type": "application/json"}

CASES = [
    ("GET", "/nowhere", {}, 404, "NOT_FOUND", ""),
    ("GET", "/v1/nowhere", {}, 404, "NOT_FOUND", ""),
    ("DELETE", "/v1/executions", {}, 405, "METHOD_NOT_ALLOWED", ""),
    ("GET", "/v1/executions/abc", {}, 404, "NOT_FOUND", ""),
    ("GET", f"/v1/executions/{256 * 'x'}", {}, 400, "INVALID_ARGUMENT", "path.execution_id"),
    ("GET", f"/v1/executions/{ID}", {}, 404, "NOT_FOUND", ""),
    ("GET", f"/v1/executions/{ID}/events", {}, 404, "NOT_FOUND", ""),
    ("GET", f"/v1/executions/{ID}/events?after=x", {}, 400, "INVALID_ARGUMENT", "query.after"),
    ("GET", f"/v1/executions/{ID}/history?after=-1", {}, 400, "INVALID_ARGUMENT", "query.after"),
    ("GET", f"/v1/executions/{ID}?at_seq=0", {}, 400, "INVALID_ARGUMENT", "query.at_seq"),
    ("GET", "/v1/executions?limit=0", {}, 400, "INVALID_ARGUMENT", "query.limit"),
    ("GET", "/v1/executions?limit=501", {}, 400, "INVALID_ARGUMENT", "query.limit"),
    ("GET", "/v1/executions?status=happy", {}, 400, "INVALID_ARGUMENT", "query.status"),
    ("GET", "/v1/executions?stauts=FAILED", {}, 400, "INVALID_ARGUMENT", "query.stauts"),
    ("GET", "/v1/executions?tag=a&tag=b", {}, 400, "INVALID_ARGUMENT", "query.tag"),
    ("GET", "/v1/workflows/none", {}, 404, "NOT_FOUND", ""),
    ("GET", "/v1/workflows/echo?version=x", {}, 400, "INVALID_ARGUMENT", "query.version"),
    ("GET", "/v1/payloads/abc", {}, 400, "INVALID_ARGUMENT", "path.digest"),
    ("GET", f"/v1/payloads/{'0' * 64}", {}, 404, "NOT_FOUND", ""),
    ("GET", "/errors/NONE", {}, 404, "NOT_FOUND", ""),
    ("POST", "/v1/workflows/none/executions", {}, 404, "NOT_FOUND", ""),
    ("POST", f"{START}?wait=soon", {}, 400, "INVALID_ARGUMENT", "query.wait"),
    ("POST", START, {"data": b"{", "headers": JSON}, 400, "INVALID_ARGUMENT", "body"),
    (
        "POST",
        START,
        {"data": b'{"params": {"a": "\xff"}}', "headers": JSON},
        400,
        "INVALID_ARGUMENT",
        "body",
    ),
    ("POST", START, {"json": {"parms": {}}}, 400, "INVALID_ARGUMENT", "parms"),
    ("POST", START, {"json": {"params": [1]}}, 400, "INVALID_ARGUMENT", "params"),
    ("POST", START, {"json": {"version": "1"}}, 400, "INVALID_ARGUMENT", "version"),
    ("POST", START, {"json": {"version": -1}}, 400, "INVALID_ARGUMENT", "version"),
    ("POST", START, {"json": {"tags": [""]}}, 400, "INVALID_ARGUMENT", "tags"),
    (
        "POST",
        START,
        {"json": {"id": "a"}, "headers": {"idempotency-key": "k"}},
        400,
        "INVALID_ARGUMENT",
        "id",
    ),
    ("POST", START, {"json": [1]}, 400, "INVALID_ARGUMENT", "body"),
    ("POST", "/v1/executions", {"json": {}}, 400, "INVALID_ARGUMENT", "body"),
    (
        "POST",
        START,
        {"data": b"<a/>", "headers": {"content-type": "application/xml"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "header.Content-Type",
    ),
    (
        "POST",
        START,
        {"data": b"x", "headers": {**JSON, "content-encoding": "br"}, "compress": None},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "header.Content-Encoding",
    ),
    ("POST", "/v1/workflows", {}, 400, "INVALID_ARGUMENT", "body"),
    (
        "POST",
        "/v1/workflows",
        {"data": b"\xff\xfe", "headers": {"content-type": "text/yaml"}},
        400,
        "INVALID_ARGUMENT",
        "body",
    ),
    (
        "POST",
        "/v1/workflows",
        {"data": b"x", "headers": {"content-type": "image/png"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "header.Content-Type",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
async def test_a_bad_request_gets_a_problem(gateway, case):
    method, path, rest, status, code, place = case
    async with gateway.http.request(method, path, **rest) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"/errors/{code}"
    assert problem["instance"] == path.partition("?")[0]
    assert problem["trace_id"] == answer.headers["traceparent"][3:35]
    assert problem["title"]
    assert problem["detail"]
    if place:
        assert problem["fix"]
        assert problem["errors"][0]["path"] == place


@pytest.mark.parametrize(
    ("path", "body", "key", "fix"),
    [
        (START, '{"parms": {}}', "parms", "Did you mean params?"),
        (
            "/v1/executions",
            '{"workflow": "echo", "trigers": 1}',
            "trigers",
            "Did you mean trigger?",
        ),
        (
            START,
            '{"zzz": 1}',
            "zzz",
            "Known here: params, trigger, tags, version, priority, delay, not_before, deadline, "
            "vars, id, debug.",
        ),
        (f"/v1/executions/{ID}/cancel", '{"resaon": ""}', "resaon", "Did you mean reason?"),
        (f"/v1/executions/{ID}/signals/go", '{"payloads": 1}', "payloads", "Did you mean payload?"),
    ],
)
async def test_a_key_that_nobody_reads_is_refused_with_the_nearest_one(
    gateway, path, body, key, fix
):
    async with gateway.http.post(path, data=body, headers=JSON) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["errors"][0]["path"], problem["fix"]) == (400, key, fix)


async def test_malformed_json_is_told_with_line_and_column(gateway):
    async with gateway.http.post(START, data=b'{"params":\n  {"a": nope}}', headers=JSON) as answer:
        problem = await answer.json(content_type=None)
    (error,) = problem["errors"]
    assert (error["line"], error["column"]) == (2, 10)


async def test_every_finding_in_a_file_is_told_with_its_place(gateway):
    async with gateway.http.post("/v1/workflows", data="flow: 1\n") as answer:
        problem = await answer.json(content_type=None)
    assert answer.status == 422
    assert problem["code"] == "INVALID_WORKFLOW"
    assert problem["errors"] == [
        {
            "code": "MISSING_KEY",
            "severity": "error",
            "line": 2,
            "column": 3,
            "path": "id",
            "message": "`id` is missing",
            "fix": "Give the workflow a name.",
        }
    ]


async def test_a_wrong_method_says_which_ones_there_are(gateway):
    async with gateway.http.put("/v1/workflows") as answer:
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}


async def test_a_misspelt_query_parameter_is_answered_with_the_nearest(gateway):
    async with gateway.http.get("/v1/executions?workflw=x") as answer:
        assert (await answer.json(content_type=None))["fix"] == "Did you mean workflow?"


@pytest.mark.parametrize("size", [PARAMS_BYTES_MAX + 1, BODY_BYTES_MAX + 1])
async def test_too_much_data_is_refused(gateway, size):
    body = io.BytesIO(json.dumps({"params": {"a": "x" * size}}).encode())
    async with gateway.http.post(START, data=body, headers=JSON) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_too_much_data_in_chunks_is_refused(gateway):
    async def chunks():
        for _ in range(BODY_BYTES_MAX // 65536 + 2):
            yield b"x" * 65536

    async with gateway.http.post(START, data=chunks(), headers=JSON) as answer:
        assert answer.status == 413


async def test_a_refused_start_keeps_its_reason_and_issues(gateway):
    issue = {"code": "TYPE", "path": "params.a", "message": "not a number", "line": 0, "column": 0}
    fault = InvalidParams(issues=[issue])
    with gateway.cluster.faulty(fault):
        async with gateway.http.post(START) as answer:
            problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (422, "INVALID_PARAMS")
    assert problem["errors"][0]["path"] == "params.a"


async def test_a_conflicting_key_is_a_conflict(gateway):
    with gateway.cluster.faulty(IdempotencyConflict()):
        async with gateway.http.post(START) as answer:
            problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_what_may_succeed_later_says_when_to_try_again(gateway):
    with gateway.cluster.faulty(Unavailable("the journal is read-only")):
        async with gateway.http.post(START) as answer:
            problem = await answer.json(content_type=None)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert problem["retryable"] is True


async def test_a_shard_that_nobody_owns_is_asked_for_again_then_told(gateway):
    with gateway.cluster.faulty(WrongOwner(owner="")):
        async with gateway.http.post(f"/v1/executions/{ID}/cancel") as answer:
            problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (503, "UNAVAILABLE")


async def test_a_bug_is_told_without_its_inside(gateway, monkeypatch):
    def burst(*_):
        raise RuntimeError("inside")

    monkeypatch.setattr("penstock.gateway.views.executions.execution_summary", burst)
    async with gateway.http.post(START) as answer:
        assert answer.status == 201
    async with gateway.http.get("/v1/executions") as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (500, "INTERNAL")
    assert "inside" not in str(problem)


async def test_an_error_is_explained_where_its_type_points(gateway):
    async with gateway.http.get("/errors/NOT_FOUND") as answer:
        assert answer.status == 200
        assert "There is no such thing" in await answer.text()


async def test_a_request_that_is_not_http_does_not_hurt_others(gateway):
    host, _, port = gateway.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x00\x01garbage\r\n\r\n")
    assert (await reader.read(12)).startswith(b"HTTP/1.1 400")
    writer.close()
    async with gateway.http.post(START) as answer:
        assert answer.status == 201


NOBODY = "01JD0000000000000000000002"
PARTS = {"digest": "0" * 64}
ASKED = [
    (method, re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], NOBODY), path))
    for path, methods in openapi_document()["paths"].items()
    for method in methods
    if path.startswith("/v1/") and not path.endswith("/ws")
]


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_every_route_refuses_a_query_parameter_that_it_does_not_know(gateway, method, path):
    body = {} if method in ("post", "put") else None
    async with gateway.http.request(method, f"{path}?nonsense=1", json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == "INVALID_ARGUMENT"
