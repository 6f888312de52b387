"""http@1 against a real server."""

from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.http.run import run
from penstock.nodes.http.spec import effects_of
from support.node_calls import OpenedResources, make_call, plain
from support.postgres import free_port


async def echo(request):
    body = await request.text()
    return web.json_response(
        {
            "method": request.method,
            "path": request.path,
            "query": [list(pair) for pair in request.query.items()],
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
        }
    )


async def status(request):
    code = int(request.match_info["code"])
    headers = {"Retry-After": "7"} if code == 429 else {}
    return web.json_response({"why": "so"}, status=code, headers=headers)


async def redirect(request):
    raise web.HTTPFound(request.query["to"])


async def circle(request):
    raise web.HTTPFound("/circle")


async def slow(request):
    await request.app["never"].wait()
    return web.Response()


async def hang_up(request):
    request.transport.close()
    return web.Response()


async def typed(request):
    kind, body = {
        "text": ("text/plain; charset=iso-8859-1", "é".encode("latin-1")),
        "binary": ("application/octet-stream", b"\x00\xff"),
        "lies": ("application/json", b"{nope"),
        "empty": ("application/json", b""),
        "odd": ("application/json", b'{ "n": 1.50 }'),
        "deep": ("application/json", b"[" * 100_000 + b"]" * 100_000),
        "large": ("text/plain", b"x" * 5000),
    }[request.match_info["kind"]]
    return web.Response(body=body, headers={"Content-Type": kind})


@pytest.fixture
async def server():
    import asyncio

    app = web.Application()
    app["never"] = asyncio.Event()
    app.add_routes(
        [
            web.route("*", "/echo", echo),
            web.get("/status/{code}", status),
            web.get("/redirect", redirect),
            web.post("/redirect", redirect),
            web.get("/circle", circle),
            web.get("/slow", slow),
            web.route("*", "/hang-up", hang_up),
            web.get("/typed/{kind}", typed),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    app["never"].set()
    await runner.cleanup()


@pytest.fixture
async def send():
    """Runs the node with a configuration."""
    async with AsyncExitStack() as stack:

        async def sending(config, environment=None, **more):
            environment = environment or Environment()
            resources = OpenedResources(environment, stack)
            call = make_call(config, resources=resources, environment=environment, **more)
            return plain((await run(call)).output)

        yield sending


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
class TestHttp:
    async def test_get_gives_status_headers_body_and_url(self, server, send):
        output = await send({"url": f"{server}/echo", "query": {"a": 1, "b": ["x", "y z"]}})
        assert output["status"] == 200
        assert output["headers"]["content-type"].startswith("application/json")
        assert output["body"]["query"] == [["a", "1"], ["b", "x"], ["b", "y z"]]
        assert output["url"] == f"{server}/echo?a=1&b=x&b=y+z"

    async def test_json_form_and_text_bodies(self, server, send):
        url = f"{server}/echo"
        sent = (await send({"method": "post", "url": url, "json": {"a": [1]}}))["body"]
        assert (sent["body"], sent["headers"]["content-type"]) == ('{"a":[1]}', "application/json")
        sent = (await send({"method": "PUT", "url": url, "form": {"a": "1 2", "b": True}}))["body"]
        assert sent["body"] == "a=1+2&b=true"
        sent = (await send({"method": "PATCH", "url": url, "body": "hi"}))["body"]
        assert sent["body"] == "hi"

    async def test_effects_carry_the_idempotency_key_and_reads_do_not(self, server, send):
        url = f"{server}/echo"
        sent = (await send({"method": "POST", "url": url}))["body"]["headers"]
        assert sent["idempotency-key"] == "01JTEST/node/0"
        own = {"method": "POST", "url": url, "headers": {"idempotency-key": "mine"}}
        assert (await send(own))["body"]["headers"]["idempotency-key"] == "mine"
        assert "idempotency-key" not in (await send({"url": url}))["body"]["headers"]
        assert effects_of({"method": "get"}) == "none"
        assert effects_of({"method": "DELETE"}) == "idempotent"

    async def test_basic_and_bearer_authorisation(self, server, send):
        url = f"{server}/echo"
        basic = {"basic": {"username": "u", "password": "p"}}
        sent = (await send({"url": url, "auth": basic}))["body"]["headers"]
        assert sent["authorization"] == "Basic dTpw"
        sent = (await send({"url": url, "auth": {"bearer": "t"}}))["body"]["headers"]
        assert sent["authorization"] == "Bearer t"

    @pytest.mark.parametrize(
        ("code", "error_class"),
        [(503, "transient"), (500, "transient"), (429, "transient"), (408, "transient"),
         (404, "permanent"), (422, "permanent")],
    )  # fmt: skip
    async def test_statuses_that_are_not_expected_fail(self, server, send, code, error_class):
        with pytest.raises(NodeFailure, match="HTTP_STATUS") as caught:
            await send({"url": f"{server}/status/{code}"})
        assert caught.value.error_class == error_class
        assert caught.value.details["status"] == code
        assert caught.value.details["body"] == {"why": "so"}
        assert caught.value.details.get("retry_after") == ("7" if code == 429 else None)

    async def test_expected_statuses_succeed_and_others_fail(self, server, send):
        config = {"url": f"{server}/status/404", "expect": ["2xx", 404]}
        assert (await send(config))["status"] == 404
        with pytest.raises(NodeFailure, match="HTTP_STATUS"):
            await send({"url": f"{server}/status/200", "expect": 204})

    async def test_bodies_are_read_by_content_type(self, server, send):
        async def body(kind, **more):
            return (await send({"url": f"{server}/typed/{kind}", **more}))["body"]

        assert await body("text") == "é"
        assert await body("binary") == {"base64": "AP8="}
        assert await body("empty") is None
        assert await body("odd") == {"n": 1.5}
        assert await body("odd", response="text") == '{ "n": 1.50 }'
        for kind in ("lies", "deep"):
            with pytest.raises(NodeFailure, match="BAD_RESPONSE"):
                await body(kind)

    async def test_redirects_are_followed_as_get_without_credentials_elsewhere(self, server, send):
        other = server.replace("127.0.0.1", "localhost")
        config = {"method": "POST", "json": 1, "auth": {"bearer": "t"}}
        output = await send({**config, "url": f"{server}/redirect?to={other}/echo"})
        assert output["body"]["method"] == "GET"
        assert "authorization" not in output["body"]["headers"]
        output = await send({**config, "url": f"{server}/redirect?to={server}/echo"})
        assert output["body"]["headers"]["authorization"] == "Bearer t"
        output = await send({"url": f"{server}/redirect?to=/echo", "follow_redirects": False})
        assert output["status"] == 302

    async def test_endless_redirects_end(self, server, send):
        with pytest.raises(NodeFailure, match="TOO_MANY_REDIRECTS"):
            await send({"url": f"{server}/circle"})

    async def test_egress_lists_hold_for_every_hop(self, server, send):
        other = server.replace("127.0.0.1", "localhost")
        with pytest.raises(NodeFailure, match="EGRESS_DENIED"):
            await send({"url": f"{other}/echo"}, egress=("127.0.0.1",))
        with pytest.raises(NodeFailure, match="EGRESS_DENIED"):
            await send({"url": f"{server}/redirect?to={other}/echo"}, egress=("127.0.0.1",))
        with pytest.raises(NodeFailure, match="EGRESS_DENIED"):
            await send({"url": f"{server}/echo"}, Environment(egress=("shop.example",)))

    async def test_a_large_response_is_refused(self, server, send):
        with pytest.raises(NodeFailure, match="RESPONSE_TOO_LARGE"):
            await send({"url": f"{server}/typed/large"}, Environment(response_bytes_max=4999))

    async def test_a_slow_answer_is_a_transient_time_out(self, server, send):
        with pytest.raises(NodeFailure, match="HTTP_TIMEOUT") as caught:
            await send({"url": f"{server}/slow", "timeout": "50ms"})
        assert caught.value.error_class == "transient"

    async def test_nobody_listening_is_transient(self, send):
        with pytest.raises(NodeFailure, match="HTTP_CONNECTION") as caught:
            await send({"url": f"http://127.0.0.1:{free_port()}/"})
        assert caught.value.error_class == "transient"

    async def test_a_host_without_an_address_and_a_server_without_tls_read_well(self, server, send):
        with pytest.raises(NodeFailure) as unknown:
            await send({"url": "https://nowhere.invalid/"})
        assert "cannot resolve nowhere.invalid" in unknown.value.message
        with pytest.raises(NodeFailure) as plain:
            await send({"url": server.replace("http:", "https:")})
        assert plain.value.message.startswith("TLS: no secure connection to 127.0.0.1:")
        assert "ssl:" not in unknown.value.message + plain.value.message

    async def test_an_effect_that_must_happen_once_is_uncertain_when_the_line_breaks(
        self, server, send
    ):
        config = {"method": "POST", "url": f"{server}/hang-up"}
        with pytest.raises(NodeFailure, match="HTTP_CONNECTION"):
            await send(config, effects="idempotent")
        with pytest.raises(NodeFailure, match="EFFECT_UNCERTAIN") as caught:
            await send(config, effects="once")
        assert caught.value.error_class == "permanent"

    @pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "http://"])
    async def test_what_is_no_address_is_a_users_mistake(self, send, url):
        with pytest.raises(NodeFailure, match="BAD_URL"):
            await send({"url": url})

    async def test_two_bodies_are_refused(self, server, send):
        with pytest.raises(NodeFailure, match="give only one"):
            await send({"url": f"{server}/echo", "body": "a", "json": 1})
