"""Which jails there are, whom they serve, and what they may do."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penstock.sandbox.service import open_sandbox
from penstock.sandbox.settings import Settings
from support.sandbox import Client, jails


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_jail_serves_one_tenant_only(client: Client):
    await client.run("return 1", tenant="a")
    before = set(jails())
    await client.run("return 1", tenant="a")
    assert set(jails()) == before
    assert (await client.run("return 2", tenant="b")).steps[0].output_json == b"2"
    assert not set(jails()) & before


async def test_tenants_take_turns_on_a_single_jail(client: Client):
    ids = []
    for at in range(12):
        ids += await client.start_many([["return 1"]] * 3, tenant=f"t{at % 3}")
    for call_id in ids:
        assert (await client.result(call_id)).steps[0].output_json == b"1"


async def test_a_busy_tenant_gets_more_jails_and_spare_ones_are_closed(
    serve: Callable[..., Any],
):
    connect = await serve(max_size=2, idle_timeout=0.05, cleanup_interval=0.02)
    client = await connect()
    spin = "const end = Date.now() + 400; while (Date.now() < end); return 1"
    first = await client.start(spin)
    second = await client.start(spin)
    await until(lambda: len(jails()) == 2)
    assert (await client.result(first)).steps[0].output_json == b"1"
    assert (await client.result(second)).steps[0].output_json == b"1"
    await until(lambda: len(jails()) == 1)
    assert (await client.run("return 3")).steps[0].output_json == b"3"


async def test_a_worn_jail_is_replaced_without_losing_a_call(serve: Callable[..., Any]):
    client = await (await serve(recycle_calls=50))()
    before = set(jails())
    for _ in range(10):
        for call_id in await client.start_many([["return 1"]] * 20):
            assert (await client.result(call_id)).steps[0].output_json == b"1"
    await until(lambda: bool(jails()) and not set(jails()) & before)
    assert (await client.run("return 1")).steps[0].output_json == b"1"


async def test_preloaded_jails_are_warm_from_the_start(serve: Callable[..., Any]):
    await serve(max_size=2, preload_size=2)
    await until(lambda: len(jails()) == 2)


async def test_jails_end_with_the_service():
    async with open_sandbox(Settings(listen="127.0.0.1:0")):
        assert jails()
    assert not jails()


async def test_a_jail_is_confined(client: Client):
    await client.run("return 1")
    (pid,) = jails()
    status = jails()[pid]
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    limits = Path(f"/proc/{pid}/limits").read_text()
    for name in ("Max core file size", "Max processes", "Max file size"):
        (line,) = [one for one in limits.splitlines() if one.startswith(name)]
        assert line.removeprefix(name).split()[:2] == ["0", "0"]
    links = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()]
    assert {one.split(":")[0] for one in links} <= {
        "socket", "/dev/null", "pipe", "anon_inode", "/memfd",
    }  # fmt: skip
    assert Path(f"/proc/{pid}/environ").read_bytes().count(b"\0") <= 3
