"""Addresses about the gateway itself: health, metrics, its interface and its errors explained."""

from importlib.resources import files

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from penstock.common.errors import NotFound
from penstock.gateway import pages
from penstock.gateway.http.answers import Answer, json_answer, text_answer
from penstock.gateway.http.explanations import explanation, index_of_explanations
from penstock.gateway.http.openapi import openapi_document
from penstock.gateway.http.requests import AnyRequest
from penstock.gateway.ports.doors import doors_of


def _page(name: str) -> ASGIApp:
    return text_answer(files(pages).joinpath(name).read_text("utf-8"), "text/html")


@get("/")
async def home() -> ASGIApp:
    """A page that says what this is."""
    return _page("home.html")


@get("/docs")
async def docs() -> ASGIApp:
    """A page that shows the OpenAPI document; needs nothing from elsewhere."""
    return _page("docs.html")


@get("/openapi.json")
async def openapi() -> ASGIApp:
    """The interface as OpenAPI 3.1."""
    return json_answer(openapi_document())


@get("/health")
async def health(request: AnyRequest) -> ASGIApp:
    """Components, uptime and version; 503 when the gateway cannot serve."""
    report = await doors_of(request).health()
    return json_answer(report, 503 if report.status == "down" else 200)


@get("/metrics")
async def metrics(request: AnyRequest) -> ASGIApp:
    """Metrics in Prometheus' text format."""
    body = generate_latest(doors_of(request).metrics.registry)
    return Answer(200, ((b"content-type", CONTENT_TYPE_LATEST.encode()),), body)


@get("/errors")
async def explain_errors() -> ASGIApp:
    """Every reason, each with a link to its page."""
    return text_answer(index_of_explanations(), "text/html")


@get("/errors/{reason:str}")
async def explain_error(reason: FromPath[str]) -> ASGIApp:
    """What the reason of a problem or of a node's failure means."""
    page = explanation(reason)
    if page is None:
        fix = "See /errors for those there are; plug-ins explain their own reasons."
        raise NotFound(f"Penstock has no reason {reason[:80]!r}.", fix=fix)
    return text_answer(page, "text/html")


OPERATION_ROUTES = (home, docs, openapi, health, metrics, explain_errors, explain_error)
