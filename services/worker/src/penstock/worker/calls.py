"""Calls into the sandbox that have no result yet: alone, awaited, or in rows of one form."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb

_CRASHED = "SANDBOX_CRASHED"


class CallLost(Exception):
    """The sandbox went away after the call had asked the host for something."""


class HostFunctions(Protocol):
    """Answers what user code of one call asks for."""

    async def answer(self, request: pb.HostCall) -> pb.HostResult:
        """The answer; a failure is an answer too."""
        ...


class RowForm:
    """Calls that differ only in the values they bring: a program for the sandbox, its scripts, and
    the plan indexes of the nodes whose outputs each call brings. `size` is that of the code and the
    environment, about, in bytes."""

    __slots__ = ("program", "reads", "scripts", "size")

    def __init__(
        self, program: pb.Program, reads: tuple[int, ...], scripts: Sequence[pb.Script]
    ) -> None:
        self.program = program
        self.reads = reads
        self.scripts = scripts
        code_bytes = sum([len(script.source) for script in scripts])
        self.size = code_bytes + len(program.env_json)


class PendingCall:
    """A call without a result yet. `done` is called once, with the result, or with None if the call
    is lost; of calls that go in rows `done_well` may be called in its place."""

    __slots__ = ("call_id", "host_called", "size", "submitted")

    def __init__(self, size: int) -> None:
        self.call_id = 0
        self.size = size
        self.host_called = False
        self.submitted = 0

    @property
    def wall_ms(self) -> int:
        """How long the call may run."""
        raise NotImplementedError

    def done(self, result: pb.CallResult | None) -> None:
        """Take the result."""
        raise NotImplementedError

    def done_well(self, outputs: list[bytes], durations_us: list[int]) -> None:
        """Take the outputs of a call that did well in every step, without choices and logs."""
        self.done(result_of(outputs, durations_us))


class RowCall(PendingCall):
    """A call that goes with others of its form."""

    __slots__ = ("form", "tenant", "traceparent", "values")

    def __init__(
        self, form: RowForm, tenant: str, traceparent: str, values: list[bytes], size: int
    ) -> None:
        self.call_id = 0
        self.size = size
        self.host_called = False
        self.submitted = 0
        self.form = form
        self.tenant = tenant
        self.traceparent = traceparent
        self.values = values

    @property
    def wall_ms(self) -> int:
        """How long the call may run."""
        return self.form.program.limits.wall_ms


class SingleCall(PendingCall):
    """A call that goes alone."""

    __slots__ = ("call", "host", "scripts")

    def __init__(
        self, call: pb.Call, scripts: Sequence[pb.Script], size: int, host: HostFunctions | None
    ) -> None:
        super().__init__(size)
        self.call = call
        self.scripts = scripts
        self.host = host

    @property
    def wall_ms(self) -> int:
        """How long the call may run."""
        return self.call.limits.wall_ms


class AwaitedCall(SingleCall):
    """A call that somebody awaits."""

    __slots__ = ("answer",)

    def __init__(
        self, call: pb.Call, scripts: Sequence[pb.Script], size: int, host: HostFunctions | None
    ) -> None:
        super().__init__(call, scripts, size, host)
        self.answer: asyncio.Future[pb.CallResult] = asyncio.get_running_loop().create_future()

    def done(self, result: pb.CallResult | None) -> None:
        """Hand the result, or `CallLost`, to who awaits it."""
        if self.answer.done():
            return
        crashed = result is not None and result.jail_failure.reason == _CRASHED
        if result is None or (crashed and self.host_called):
            self.answer.set_exception(CallLost())
        else:
            self.answer.set_result(result)


def result_of(outputs: Sequence[bytes], durations_us: Sequence[int]) -> pb.CallResult:
    """The result of a call that did well in every step."""
    result = pb.CallResult()
    for output, duration_us in zip(outputs, durations_us, strict=True):
        result.steps.add(output_json=output, duration_us=duration_us)
    return result
