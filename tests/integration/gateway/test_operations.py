"""Addresses about the gateway itself."""

from importlib.resources import files

import msgspec
import pytest

from penstock.gateway import pages


async def test_health_names_every_component_with_uptime_and_version(gateway):
    async with gateway.http.get("/health") as answer:
        report = await answer.json()
    assert (answer.status, report["status"]) == (200, "degraded")
    assert report["components"]["coordinator"]["status"] == "up"
    assert report["components"]["state"]["status"] == "up"
    assert report["components"]["nats"]["status"] == "down"
    assert report["version"]
    assert report["uptime_s"] >= 0


async def test_health_shows_no_credentials(gateway):
    gateway.feeds._nats_url = "nats://user:secret@127.0.0.1:4222"
    async with gateway.http.get("/health") as answer:
        text = await answer.text()
    assert "127.0.0.1:4222" in text
    assert "secret" not in text


async def test_requests_are_counted_by_route_and_not_by_address(gateway):
    for name in ("echo", "slow", "none"):
        await (await gateway.http.get(f"/v1/workflows/{name}")).read()
    async with gateway.http.get("/metrics") as answer:
        text = await answer.text()
    counted = 'penstock_gateway_requests_total{method="GET",route="/v1/workflows/{name}"'
    assert f'{counted},status="200"}} 2.0' in text
    assert f'{counted},status="404"}} 1.0' in text


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_are_whole_in_themselves(gateway, path):
    async with gateway.http.get(path) as answer:
        text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert "Penstock" in text
    assert "src=" not in text


async def test_the_interface_describes_itself(gateway):
    async with gateway.http.get("/openapi.json") as answer:
        document = await answer.json()
    assert document["openapi"].startswith("3.1")


async def test_every_reason_is_explained(gateway):
    reasons = msgspec.json.decode(files(pages).joinpath("errors.json").read_bytes())
    for reason in reasons:
        async with gateway.http.get(f"/errors/{reason}") as answer:
            text = await answer.text()
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert f"<h1>{reason}</h1>" in text or reason == "validation"
        assert "##" not in text


@pytest.mark.parametrize("path", ["/errors", "/errors/"])
async def test_an_index_leads_to_every_reason(gateway, path):
    async with gateway.http.get(path) as answer:
        text = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    for reason in msgspec.json.decode(files(pages).joinpath("errors.json").read_bytes()):
        assert f'<a href="/errors/{reason}">' in text
    assert "<td></td>" not in text
    assert "`" not in text


async def test_an_unknown_reason_is_not_explained(gateway):
    async with gateway.http.get("/errors/NO_SUCH_REASON") as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (404, "NOT_FOUND")
    assert "NO_SUCH_REASON" in problem["detail"]
