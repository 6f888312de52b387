"""The OpenAPI document says what there is, and nothing else."""

import dataclasses
import json

import jsonschema
import msgspec
import pytest
from litestar.routes import HTTPRoute, WebSocketRoute

from penstock.gateway.http.app import build_app
from penstock.gateway.http.openapi import openapi_document
from penstock.gateway.metrics import Metrics
from penstock.gateway.ports.doors import Doors
from penstock.gateway.shapes import executions as schema
from penstock.gateway.shapes.links import NodeLink, PayloadLink

NOT_FOR_PROGRAMS = {"/", "/docs", "/openapi.json", "/errors", "/errors/{reason}"}


@pytest.fixture(scope="module")
def document():
    return json.loads(msgspec.json.encode(openapi_document()))


NO_DOORS = Doors(
    **{field.name: None for field in dataclasses.fields(Doors) if field.name != "metrics"},
    metrics=Metrics(),
)


def operations(document):
    return {(path, method) for path, methods in document["paths"].items() for method in methods}


def test_every_route_is_described_and_every_description_has_a_route(document):
    app = build_app(NO_DOORS)._app
    served = set()
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            served |= {(route.path_format, m.lower()) for m in route.methods if m != "OPTIONS"}
        elif isinstance(route, WebSocketRoute):
            served.add((route.path_format, "get"))
    assert operations(document) == {pair for pair in served if pair[0] not in NOT_FOR_PROGRAMS}


def test_every_reference_leads_somewhere(document):
    def references(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "$ref" and isinstance(inner, str):
                    yield inner
                else:
                    yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {*references(document)} <= known


def test_parameters_in_a_path_are_described(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            inside = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert inside == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_operation_ids_are_unique(document):
    names = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(names) == len({*names})


@pytest.mark.parametrize(
    "value",
    [
        schema.Started(id="x", workflow="w", version=1, status="RUNNING", existing=False),
        schema.EventMessage(1, "x", "t", schema.PublicEvent("DATA_AVAILABLE", "k")),
        schema.Problem("/errors/X", "t", 400, "d", "X"),
        schema.HealthReport("up", "1", 1.0, {"state": schema.Component("up", "a", True)}),
        PayloadLink("d", 1),
        NodeLink("a", 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_fit_their_schemas(document, value):
    shape = {
        "$ref": f"#/components/schemas/{type(value).__name__}",
        "components": document["components"],
    }
    jsonschema.validate(json.loads(msgspec.json.encode(value)), shape)


def test_pages_load_nothing_from_elsewhere():
    from importlib.resources import files

    for page in files("penstock.gateway.pages").iterdir():
        if page.name.endswith(".html"):
            assert "//" not in page.read_text()
