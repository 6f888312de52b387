"""A sandbox that runs no JavaScript: scripts say in a comment what they would do, and their output
depends only on what they read.

    /*{"effects": 2, "ms": 30}*/ const a = await http(...); return {...};

So the output of a flow is the same however often its parts are repeated, and a wrong input shows.
"""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.api.sandbox.v1 import sandbox_service_pb2_grpc as rpc
from penstock.common.rpc.streams import Outbox
from penstock.sandbox.batches import calls_of
from support.simulated.fabric import Fabric
from support.simulated.outside import URL

Said = pb.CallResult | pb.HostCall


class SandboxService(rpc.SandboxServiceServicer):
    """One process of the sandbox."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric

    async def Run(
        self, requests: AsyncIterator[pb.RunRequest], context: Any
    ) -> AsyncIterator[pb.RunResponse]:
        stream = _Stream(self._fabric)
        reading = asyncio.get_running_loop().create_task(stream.read(requests))
        try:
            async for batch in stream.outbox.batches():
                response, columns = pb.RunResponse(), {}
                for one in batch:
                    if isinstance(one, pb.HostCall):
                        response.host_calls.append(one)
                    else:
                        stream.write(response, columns, one)
                yield response
        finally:
            reading.cancel()
            stream.stop()


class _Stream:
    """The calls of one stream."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self._sources: dict[str, str] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._asked: dict[tuple[int, int], asyncio.Future[pb.HostResult]] = {}
        self._programs: dict[int, pb.Program] = {}
        self._program_of: dict[int, int] = {}
        self.outbox: Outbox[Said] = Outbox()

    def stop(self) -> None:
        for task in self._running.values():
            task.cancel()

    async def read(self, requests: AsyncIterator[pb.RunRequest]) -> None:
        async for request in requests:
            for script in request.scripts:
                self._sources[script.script_id] = script.source
            for program in request.programs:
                self._programs[program.program_id] = program
            for call in self._calls(request):
                task = asyncio.get_running_loop().create_task(self._run(call))
                self._running[call.call_id] = task
            for result in request.host_results:
                asked = self._asked.get((result.call_id, result.host_call_id))
                if asked is not None and not asked.done():
                    asked.set_result(result)
            for call_id in request.cancelled_calls:
                if call_id in self._running:
                    self._running.pop(call_id).cancel()
        self.outbox.close()

    def _calls(self, request: pb.RunRequest) -> Iterator[pb.Call]:
        yield from request.calls
        for batch in request.batches:
            for call in calls_of(self._programs[batch.program_id], batch):
                self._program_of[call.call_id] = batch.program_id
                yield call

    def write(
        self, response: pb.RunResponse, columns: dict[int, pb.ResultBatch], result: pb.CallResult
    ) -> None:
        """Put a result into a message: with others of its program if it came in a batch and went
        well, else by itself."""
        program = self._program_of.pop(result.call_id, None)
        steps = result.steps
        if program is None or any(one.HasField("failure") or one.routed for one in steps):
            response.results.append(result)
            return
        if program not in columns:
            columns[program] = response.batches.add()
        columns[program].call_ids.append(result.call_id)
        columns[program].outputs_json.extend(one.output_json for one in steps)
        columns[program].durations_us.extend(one.duration_us for one in steps)

    async def _run(self, call: pb.Call) -> None:
        result = pb.CallResult(call_id=call.call_id)
        seen = {one.node_id: one.output_json or one.error_json[:7] for one in call.values}
        ordinal = 0
        for place, step in enumerate(call.steps):
            does = json.loads(self._sources[step.script_id].partition("*/")[0][2:])
            ran_ms = does.get("ms", 0) or self._fabric.rng.choice((0.01, 0.1, 1.0))
            await asyncio.sleep(ran_ms / 1000)
            answers = []
            for _ in range(does.get("effects", 0)):
                ordinal += 1
                answers.append(await self._ask(call, place, ordinal, does))
            done = result.steps.add(duration_us=round(ran_ms * 1000))
            attempt = json.loads(call.run_json)["attempt"] if call.run_json else 1
            if attempt <= does.get("throws", 0) or any(one != 200 for one in answers):
                done.failure.reason = "SCRIPT_ERROR"
                done.failure.error_class = payload_pb.ERROR_CLASS_TRANSIENT
                break
            output = _output(step, seen, answers, does)
            seen[step.node_id] = done.output_json = output
            if "counts" in does:
                _count(call, done, does["counts"])
            if "choose" in does:
                done.routed = True
                done.chosen.extend(does["choose"])
        self._running.pop(call.call_id, None)
        self.outbox.put(result)

    async def _ask(self, call: pb.Call, place: int, ordinal: int, does: dict[str, Any]) -> int:
        attempt = json.loads(call.run_json)["attempt"]
        body = {"attempt": attempt, "refused": does.get("refused", 0)}
        options = {"method": "POST", "url": URL, "json": body}
        self.outbox.put(
            pb.HostCall(
                call_id=call.call_id,
                step=place,
                host_call_id=ordinal,
                function="http.request",
                args_json=json.dumps([options]).encode(),
            )
        )
        answer: asyncio.Future[pb.HostResult] = asyncio.get_running_loop().create_future()
        self._asked[(call.call_id, ordinal)] = answer
        result = await answer
        return json.loads(result.value_json)["status"] if result.value_json else 0


def _count(call: pb.Call, done: pb.StepResult, name: str) -> None:
    """Add one to a variable."""
    known = json.loads(call.vars_json or b"{}").get(name, 0)
    done.vars.names.append(name)
    done.vars.values_json.append(json.dumps(known + 1).encode())


def _output(
    step: pb.Step, seen: dict[str, bytes], answers: list[int], does: dict[str, Any]
) -> bytes:
    """What the step read, as a number: other inputs give another output."""
    read = [parent.encode() + b"=" + seen.get(parent, b"-") for parent in sorted(step.parents)]
    digest = zlib.crc32(b"\n".join((*read, step.item_json)))
    output = {"of": step.node_id, "saw": digest, "did": answers}
    if "pad" in does:
        output["pad"] = "x" * int(does["pad"])
    return json.dumps(output).encode()
