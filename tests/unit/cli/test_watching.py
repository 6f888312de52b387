import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import pytest

from penstock.cli.watching import watch_execution
from penstock.sdk.client import Client
from penstock.sdk.models import Execution, SnapshotMessage
from penstock.sdk.transport import unreachable


def sent(seq: int, status: str) -> bytes:
    run = Execution(id="E", workflow="w", version=1, status=status, nodes=())
    body = msgspec.json.encode(SnapshotMessage(seq, "E", run))
    return b"data: " + body + b"\n\n"


class BreakingTransport:
    """Serves a watch whose connection breaks, is refused twice, and then is back."""

    url = "http://gateway"

    def __init__(self) -> None:
        self._turns = 0

    @asynccontextmanager
    async def stream(self, _call: object, _idle_s: float) -> AsyncIterator[SimpleNamespace]:
        self._turns += 1
        if self._turns in (2, 3):
            raise unreachable(self.url, OSError("refused"))
        yield SimpleNamespace(content=SimpleNamespace(iter_any=self._chunks))

    async def _chunks(self) -> AsyncIterator[bytes]:
        if self._turns == 1:
            yield sent(1, "RUNNING")
            raise unreachable(self.url, OSError("reset"))
        yield sent(2, "COMPLETED")


@pytest.mark.asyncio
async def test_a_lost_connection_is_told_once_and_so_is_its_return(capsys, monkeypatch):
    monkeypatch.setattr("penstock.sdk.client.backoff_s", lambda _attempt: 0.0)
    await watch_execution(Client(BreakingTransport()), "E")
    assert capsys.readouterr().err.splitlines() == [
        "w v1 E",
        "connection lost, trying again",
        "connection is back",
        "COMPLETED",
    ]


class SilentTransport(BreakingTransport):
    """Serves a watch of which nothing more comes after its first picture."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield sent(1, "RUNNING")
        self.told.set()
        await asyncio.Event().wait()


@pytest.mark.asyncio
async def test_who_stops_to_look_is_told_that_the_execution_goes_on(capsys):
    transport = SilentTransport()
    watching = asyncio.create_task(watch_execution(Client(transport), "E"))
    await transport.told.wait()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert "goes on: penstock execution watch E" in capsys.readouterr().err
