"""The WebSocket of an execution on the shipped cluster: snapshot, numbered events, resume."""

import json

import aiohttp
import pytest

from penstock.embedded import ClusterFile

pytestmark = pytest.mark.e2e

FLOW = """
flow: 1
id: socket
nodes:
  ask: {uses: wait@1, with: {signal: go}}
  then: {needs: [ask], run: "return payload;"}
"""
PROTOCOL = "penstock.v1.json"


async def messages(session: aiohttp.ClientSession, path: str) -> list[dict[str, object]]:
    """All messages until the gateway closes because the execution has ended."""
    async with session.ws_connect(path, protocols=(PROTOCOL,)) as socket:
        assert socket.protocol == PROTOCOL
        return [json.loads(message.data) async for message in socket]


async def test_a_watcher_sees_the_picture_then_every_event_and_can_resume(cluster: ClusterFile):
    async with aiohttp.ClientSession(cluster.gateway_url) as session:
        yaml = {"Content-Type": "application/yaml"}
        async with session.post("/v1/workflows", data=FLOW, headers=yaml) as applied:
            assert applied.status == 201, await applied.text()
        async with session.post("/v1/workflows/socket/executions", json={}) as started:
            path = f"/v1/executions/{(await started.json())['id']}"
        live: list[dict[str, object]] = []
        signalled = False
        async with session.ws_connect(f"{path}/ws", protocols=(PROTOCOL,)) as socket:
            async for message in socket:
                live.append(json.loads(message.data))
                if "WAITING" in message.data and not signalled:
                    signalled = True
                    async with session.post(f"{path}/signals/go", json={"payload": 7}) as told:
                        assert told.status < 300
        assert live[0]["type"] == "snapshot"
        seqs = [message["seq"] for message in live]
        assert seqs == list(range(int(str(seqs[0])), int(str(seqs[-1])) + 1))
        again = await messages(session, f"{path}/ws?after=2")
        assert [message["seq"] for message in again] == list(range(3, int(str(seqs[-1])) + 1))
