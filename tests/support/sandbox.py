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
            text = b",".join([b"%d" % len(messages), *messages])
            return self._isolate.cross(f"[{text.decode()}]")

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
        self.batched = 0

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

    async def start_batch(
        self,
        program: pb.Program,
        *calls: Sequence[bytes],
        tenant: str = "t",
        **fields: Any,
    ) -> list[int]:
        """Send the calls of a program that was told before; their ids."""
        first = self._last + 1
        self._last += len(calls)
        ids = list(range(first, self._last + 1))
        batch = pb.CallBatch(
            program_id=program.program_id,
            tenant=tenant,
            call_ids=ids,
            values_json=[value for call in calls for value in call],
            **fields,
        )
        await self.send(pb.RunRequest(batches=[batch]))
        return ids

    async def tell(self, program: pb.Program, *sources: str) -> pb.Program:
        """Make a program known whose steps are these sources in a row."""
        for at, source in enumerate(sources):
            parents = [f"n{at - 1}"] if at else list(program.reads)
            program.steps.append(step(source, f"n{at}", parents=parents))
        scripts = [script(source) for source in sources]
        await self.send(pb.RunRequest(scripts=scripts, programs=[program]))
        return program

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
        for batch in response.batches:
            self._take_batch(batch)

    def _take_batch(self, batch: pb.ResultBatch) -> None:
        """Results of a batch as if each had come alone."""
        assert batch.first_slot == 0
        self.batched += len(batch.call_ids)
        steps = len(batch.outputs_json) // len(batch.call_ids)
        pairs = list(zip(batch.outputs_json, batch.durations_us, strict=True))
        for place, call_id in enumerate(batch.call_ids):
            result = self._results[call_id] = pb.CallResult(call_id=call_id)
            for output, duration_us in pairs[place * steps : (place + 1) * steps]:
                result.steps.add(output_json=output, duration_us=duration_us)

    async def run(self, *sources: str, **fields: Any) -> pb.CallResult:
        return await self.result(await self.start(*sources, **fields))

    async def end(self) -> None:
        await self._stream.done_writing()

    async def close(self) -> None:
        self._stream.cancel()
        await self._channel.close()
