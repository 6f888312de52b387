"""User code run without a service: the isolate and the codec as a jail uses them, and a client of
the gRPC service."""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import msgspec

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc as pb_grpc
from penstock.sandbox.jail.codec import Codec
from penstock.sandbox.jail.isolate import open_isolate
from penstock.sandbox.settings import Settings

BODY = pb.SCRIPT_KIND_BODY
EXPRESSION = pb.SCRIPT_KIND_EXPRESSION
dumps = msgspec.json.encode
loads = msgspec.json.decode


def script(source: str, kind: int = BODY) -> pb.Script:
    digest = hashlib.sha256(f"{kind}\n{source}".encode()).hexdigest()
    return pb.Script(script_id=digest, kind=kind, source=source, label="test")


def step(source: str, node_id: str = "n", kind: int = BODY, **fields: Any) -> pb.Step:
    return pb.Step(node_id=node_id, script_id=script(source, kind).script_id, **fields)


def jails() -> dict[int, str]:
    """The jail processes that this process started, with their status files."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
            command = status.with_name("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"penstock.sandbox.jail" in command and f"\nPPid:\t{os.getpid()}\n" in text:
            found[int(status.parent.name)] = text
    return found


class Realm:
    """One isolate; each `run` is one call in it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._context = open_isolate(Settings().ses_bundle(), 128)
        self._slot = 0
        self._codec = Codec()

    def __enter__(self) -> "Realm":
        async def enter() -> Any:
            return self._context.__enter__()

        self._isolate = self._runner.run(enter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        async def leave() -> None:
            self._context.__exit__(None, None, None)

        self._runner.run(leave())
        self._runner.close()

    def cross(self, request: pb.RunRequest) -> pb.RunResponse:
        async def crossing() -> str:
            messages = self._codec.messages(request)
            return self._isolate.cross((b"[" + b",".join(messages) + b"]").decode())

        return self._codec.response(self._codec.decode(self._runner.run(crossing())), 0)

    def run_steps(
        self, sources: Sequence[str], steps: Sequence[pb.Step], kind: int = BODY, **fields: Any
    ) -> pb.CallResult:
        """One call that ends within its crossing."""
        self._slot += 1
        call = pb.Call(call_id=self._slot, tenant="t", steps=steps, **fields)
        scripts = [script(source, kind) for source in sources]
        response = self.cross(pb.RunRequest(scripts=scripts, calls=[call]))
        assert len(response.results) == 1, response
        return response.results[0]

    def run(self, source: str, *, kind: int = BODY, call: Any = None, **fields: Any) -> Any:
        """The result of a call of one step."""
        made = step(source, kind=kind, **fields)
        return self.run_steps([source], [made], kind, **(call or {})).steps[0]

    def output(self, source: str, **fields: Any) -> Any:
        """The output of a call of one step that must do well."""
        result = self.run(source, **fields)
        assert result.WhichOneof("kind") == "output_json", result
        return loads(result.output_json)


class Client:
    """One stream to the service."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address)
        self._stream = pb_grpc.SandboxServiceStub(self._channel).Run()
        self._last = 0
        self._results: dict[int, pb.CallResult] = {}
        self.host_calls: list[pb.HostCall] = []

    async def start(self, *sources: str, tenant: str = "t", **fields: Any) -> int:
        """Send one call with a step per source; its id."""
        return (await self.start_many([sources], tenant=tenant, **fields))[0]

    async def start_many(
        self,
        calls: Sequence[Sequence[str]],
        *,
        tenant: str = "t",
        hosts: Sequence[str] = (),
        **fields: Any,
    ) -> list[int]:
        """Send many calls in one message; their ids."""
        request = pb.RunRequest()
        for source in {one for sources in calls for one in sources}:
            request.scripts.append(script(source))
        for sources in calls:
            self._last += 1
            steps = [
                step(source, f"n{at}", parents=[f"n{at - 1}"] if at else [], host_functions=hosts)
                for at, source in enumerate(sources)
            ]
            request.calls.add(call_id=self._last, tenant=tenant, steps=steps, **fields)
        await self._stream.write(request)
        return list(range(self._last - len(calls) + 1, self._last + 1))

    async def send(self, request: pb.RunRequest) -> None:
        await self._stream.write(request)

    async def result(self, call_id: int) -> pb.CallResult:
        while call_id not in self._results:
            await self._read()
        return self._results.pop(call_id)

    async def host_call(self) -> pb.HostCall:
        while not self.host_calls:
            await self._read()
        return self.host_calls.pop(0)

    async def _read(self) -> None:
        response = await self._stream.read()
        assert response is not grpc.aio.EOF
        self._results.update({result.call_id: result for result in response.results})
        self.host_calls.extend(response.host_calls)

    async def run(self, *sources: str, **fields: Any) -> pb.CallResult:
        return await self.result(await self.start(*sources, **fields))

    async def end(self) -> None:
        await self._stream.done_writing()

    async def close(self) -> None:
        self._stream.cancel()
        await self._channel.close()
