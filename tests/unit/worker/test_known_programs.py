"""What a stream to the sandbox tells: a program once, as many as the sandbox remembers, and never
more in one message than the sandbox takes."""

import pytest

from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.common.rpc.server import MESSAGE_BYTES_MAX
from penstock.common.sandbox_programs import PROGRAMS_MAX
from penstock.worker.calls import AwaitedCall, RowCall, RowForm
from penstock.worker.sandbox import Pending, _Stream

MEBIBYTE = 1024 * 1024
LARGE = "x" * 900_000


def script(number: int, source: str = "") -> pb.Script:
    return pb.Script(script_id=f"s{number}", source=source)


def form(number: int, source: str = "") -> RowForm:
    program = pb.Program(steps=[pb.Step(node_id=f"n{number}")])
    return RowForm(program, (), (script(number, source),))


def row(of: RowForm, size: int = 1) -> RowCall:
    return RowCall(of, "default", "", [b"1" * size], size)


def alone(number: int, source: str) -> AwaitedCall:
    return AwaitedCall(pb.Call(), (script(number, source),), 1, None)


async def sent(stream: _Stream, calls: list[Pending]) -> list[pb.RunRequest]:
    """The messages in which these go."""
    for number, call in enumerate(calls, 1):
        call.call_id = number
        stream.outbox.put(call)
    stream.outbox.close()
    found = [request async for request in stream.requests()]
    stream.outbox = _Stream().outbox
    return found


async def told(stream: _Stream, forms: list[RowForm]) -> list[str]:
    """Which programs go along when a call of each of these is sent."""
    requests = await sent(stream, [row(each) for each in forms])
    programs = [program for request in requests for program in request.programs]
    return [program.steps[0].node_id for program in programs]


async def test_the_last_program_that_it_keeps_is_still_there():
    stream, forms = _Stream(), [form(number) for number in range(PROGRAMS_MAX)]
    assert len(await told(stream, forms)) == PROGRAMS_MAX
    assert await told(stream, forms) == []


async def test_one_more_takes_the_place_of_the_one_used_longest_ago():
    stream, forms = _Stream(), [form(number) for number in range(PROGRAMS_MAX)]
    await told(stream, forms)
    await told(stream, forms[:1])
    assert await told(stream, [form(PROGRAMS_MAX)]) == [f"n{PROGRAMS_MAX}"]
    assert await told(stream, [forms[0], forms[2]]) == []
    assert await told(stream, [forms[1]]) == ["n1"]


@pytest.mark.parametrize("kind", ["row", "alone"])
async def test_code_that_is_much_at_once_goes_in_several_messages(kind):
    calls: list[Pending] = [
        row(form(number, LARGE)) if kind == "row" else alone(number, LARGE) for number in range(100)
    ]
    requests = await sent(_Stream(), calls)
    assert max(request.ByteSize() for request in requests) < 14 * MEBIBYTE
    assert sum(len(request.scripts) for request in requests) == 100
    assert sum(len(request.batches) + len(request.calls) for request in requests) == 100


async def test_code_weighs_once():
    one = form(1, LARGE)
    stream = _Stream()
    for _ in range(2):
        assert len(await sent(stream, [row(one) for _ in range(400)])) == 1


async def test_the_largest_call_fits_beside_what_had_gathered():
    stream, one = _Stream(), form(1, LARGE)
    calls = [row(form(2), 12 * MEBIBYTE - 100), row(one, 48 * MEBIBYTE), row(one)]
    requests = await sent(stream, [*calls])
    assert [len(request.batches) for request in requests] == [2, 1]
    assert max(request.ByteSize() for request in requests) < MESSAGE_BYTES_MAX
