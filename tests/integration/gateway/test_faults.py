"""What happens when the services behind the gateway go away, come back, or hand over."""

import asyncio
import socket

import aiohttp

from penstock.common.errors import WrongOwner
from penstock.gateway.live.hub import Timing
from penstock.gateway.main import serve
from penstock.gateway.settings import Settings
from penstock.sdk import open_client
from support.gateway.fake_cluster import FakeCluster, open_fake
from support.gateway.running import run_gateway
from support.gateway.watchers import watching

SLOW = "/v1/workflows/slow/executions"
ECHO = "/v1/workflows/echo/executions"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_without_a_coordinator_new_work_is_refused_and_reads_go_on(cluster, timing):
    async with (
        open_fake(cluster) as fake,
        run_gateway(cluster, free_address(), fake.address, timing) as gateway,
    ):
        async with gateway.http.post(ECHO) as answer:
            problem = await answer.json(content_type=None)
        assert (answer.status, problem["code"]) == (503, "UNAVAILABLE")
        assert "retry-after" in answer.headers
        assert cluster.executions == {}
        async with gateway.http.get("/v1/executions") as answer:
            assert answer.status == 200
        async with gateway.http.get("/health") as answer:
            report = await answer.json()
        assert (answer.status, report["status"]) == (503, "down")
        assert report["components"]["coordinator"]["status"] == "down"
        assert report["components"]["state"]["status"] == "up"


async def test_the_client_is_told_what_is_away_and_not_that_it_failed(cluster, timing):
    async with (
        open_fake(cluster) as fake,
        run_gateway(cluster, free_address(), fake.address, timing) as gateway,
        open_client(f"http://{gateway.address}") as client,
    ):
        report = await client.health()
    assert report["status"] == "down"
    assert report["components"]["coordinator"]["status"] == "down"


async def test_without_state_reads_are_refused_and_starts_go_on(cluster, timing):
    async with (
        open_fake(cluster) as fake,
        run_gateway(cluster, fake.address, free_address(), timing) as gateway,
    ):
        async with gateway.http.get("/v1/executions") as answer:
            assert answer.status == 503
        async with gateway.http.post(ECHO) as answer:
            assert answer.status == 201


async def test_a_coordinator_that_comes_back_is_used_again_by_itself(cluster, timing):
    address = free_address()
    async with (
        open_fake(cluster) as state,
        run_gateway(cluster, address, state.address, timing) as gateway,
    ):
        for _ in range(2):
            async with open_fake(cluster, address):
                async with asyncio.timeout(20):
                    while (await gateway.http.post(ECHO)).status != 201:
                        await asyncio.sleep(0.05)
            async with gateway.http.post(ECHO) as answer:
                assert answer.status == 503


async def test_a_start_with_a_key_survives_the_loss_of_its_stream(cluster, timing):
    """It was sent, its answer was lost: it is sent again and meets the first one."""
    address = free_address()
    silent = FakeCluster()
    async with (
        open_fake(cluster) as state,
        run_gateway(cluster, address, state.address, timing) as gateway,
        asyncio.TaskGroup() as tasks,
    ):
        async with open_fake(silent, address):
            silent._start = lambda *_: None
            asked = tasks.create_task(gateway.http.post(SLOW, headers={"Idempotency-Key": "k"}))
            while not silent.batch_sizes:
                await asyncio.sleep(0.01)
        async with open_fake(cluster, address):
            answer = await asked
            assert answer.status == 201
            assert len(cluster.executions) == 1
            answer.release()


async def test_a_start_without_a_key_is_not_repeated_when_its_stream_is_lost(cluster, timing):
    address = free_address()
    silent = FakeCluster()
    async with (
        open_fake(cluster) as state,
        run_gateway(cluster, address, state.address, timing) as gateway,
        asyncio.TaskGroup() as tasks,
    ):
        async with open_fake(silent, address):
            silent._start = lambda *_: None
            asked = tasks.create_task(gateway.http.post(SLOW))
            while not silent.batch_sizes:
                await asyncio.sleep(0.01)
        async with open_fake(cluster, address):
            async with await asked as answer:
                problem = await answer.json(content_type=None)
            assert answer.status == 503
            assert "not known" in problem["detail"]
            assert cluster.executions == {}


async def test_whoever_waits_for_an_end_gets_it_although_the_stream_was_lost(cluster, timing):
    address = free_address()
    async with (
        open_fake(cluster) as state,
        run_gateway(cluster, address, state.address, timing) as gateway,
        asyncio.TaskGroup() as tasks,
    ):
        async with open_fake(cluster, address):
            asked = tasks.create_task(gateway.http.post(f"{SLOW}?wait=60s"))
            while not cluster.executions:
                await asyncio.sleep(0.01)
        (execution,) = cluster.executions.values()
        execution.end(b"7")
        async with await asked as answer:
            assert (answer.status, (await answer.json())["output"]) == (200, 7)


async def test_a_command_for_another_coordinators_execution_goes_there(cluster, timing):
    """The one in the settings owns nothing and says who does."""
    other = FakeCluster()
    async with (
        open_fake(cluster) as owner,
        open_fake(other) as first,
        run_gateway(cluster, first.address, owner.address, timing) as gateway,
    ):
        other.fault = WrongOwner(owner=owner.address)
        async with gateway.http.post(SLOW, headers={"Idempotency-Key": "k"}) as answer:
            body = await answer.json()
        assert answer.status == 201
        async with gateway.http.post(f"/v1/executions/{body['id']}/cancel") as answer:
            assert (await answer.json())["status"] == "CANCELLED"
        assert other.executions == {}


async def test_a_leaving_gateway_answers_whoever_waits(gateway):
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(gateway.http.post(f"{SLOW}?wait=300s"))
        while not gateway.coordinators.starts_in_flight or not gateway.cluster.executions:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while not asked.done():
                gateway.coordinators.release()
                await asyncio.sleep(0.01)
    async with asked.result() as answer:
        assert answer.status == 202


async def test_the_whole_service_serves_without_nats_and_leaves_when_told(cluster):
    address, stop = free_address(), asyncio.Event()
    async with open_fake(cluster) as fake, asyncio.TaskGroup() as tasks:
        settings = Settings(
            listen=address,
            coordinator_address=fake.address,
            state_address=fake.address,
            nats_url=f"nats://{free_address()}",
        )
        tasks.create_task(serve(settings, stop))
        async with asyncio.timeout(30), aiohttp.ClientSession(f"http://{address}") as http:
            while True:
                try:
                    async with http.get("/health") as answer:
                        report = await answer.json()
                    break
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.05)
            assert (answer.status, report["status"]) == (200, "degraded")
            async with http.post(SLOW) as answer:
                execution = cluster.executions[(await answer.json())["id"]]
            async with watching(http, execution.id) as messages:
                assert (await anext(messages))[0] == 1
                execution.complete(0, b"1")
                assert [(await anext(messages))[0] for _ in range(2)] == [2, 3]
                stop.set()
                assert [message async for message in messages] == []


def test_a_display_hears_at_most_sixty_times_a_second():
    assert 0.016 <= Timing().gather_s <= 0.050
    assert Timing().heartbeat_s == 15.0
