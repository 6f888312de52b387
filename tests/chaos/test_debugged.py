"""SIGKILL of whoever there is while an execution is held: it stays held, and goes on when told."""

import os
import signal
from pathlib import Path

import pytest

from penstock.embedded import ClusterFile, find_live_cluster
from penstock.sdk.client import Client, open_client
from penstock.sdk.debug_models import BreakpointAt, DebugState
from penstock.sdk.start_options import StartOptions

pytestmark = [pytest.mark.chaos]

FLOW = """
flow: 1
id: held
nodes:
  first: {run: "return 1;"}
  left: {needs: [first], run: "return payload + 1;"}
  right: {needs: [first], run: "return payload + 2;"}
  last: {needs: [left, right], run: "return input.left * 10 + input.right;"}
"""


def kill(cluster: ClusterFile, *roles: str) -> None:
    for role in roles:
        os.kill(cluster.processes[role].pid, signal.SIGKILL)


def held(state: DebugState) -> list[tuple[str, str]]:
    return sorted((each.node, each.place) for each in state.held)


async def test_what_is_held_stays_held_whoever_is_killed(cluster: ClusterFile, tmp_path: Path):
    folder = tmp_path / "cluster"

    def now() -> ClusterFile:
        found = find_live_cluster(folder)
        assert found is not None
        return found

    async with open_client(cluster.gateway_url, patience_s=60) as client:
        await client.apply(FLOW)
        run = await client.start("held", options=StartOptions(debug=True))
        assert held(await client.debug.wait_held(run.id)) == [("first", "before")]
        kill(now(), "coordinator")
        await client.debug.set_breakpoints(
            run.id, [BreakpointAt("left", place="after"), BreakpointAt("last")]
        )
        kill(now(), "worker", "coordinator")
        await client.debug.go_on(run.id)
        await until_held(client, run.id, ("left", "after"))
        kill(now(), "coordinator", "worker", "state")
        await client.debug.edit_output(run.id, "left", 5)
        kill(now(), "coordinator")
        await client.debug.go_on(run.id)
        await until_held(client, run.id, ("last", "before"))
        kill(now(), "worker", "coordinator", "state", "sandbox")
        await client.debug.edit_input(run.id, "last", {"left": 7, "right": 1})
        await client.debug.detach(run.id)
        ended = await client.wait(run.id)
        assert (ended.status, ended.output) == ("COMPLETED", 71)


async def until_held(client: Client, run: str, wanted: tuple[str, str]) -> None:
    """Until that is held; other things may be before."""
    state = await client.debug.wait_held(run)
    while wanted not in held(state):
        state = await client.debug.wait_held(run)
