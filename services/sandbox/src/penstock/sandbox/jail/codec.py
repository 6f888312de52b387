"""Protobuf on the socket to the runtime's messages, and back.

Payload bytes are spliced into the message text and cut out of the answer without being parsed here:
V8 parses and writes them. The shapes are those of `runtime/calls.js`.
"""

from collections.abc import Collection

import msgspec

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.sandbox.batches import calls_of
from penstock.sandbox.jail.programs import Programs

_TAG = b'"$type"'
_LOG_BYTES_MAX = 8192
_CLASSES = {
    "transient": payload_pb2.ERROR_CLASS_TRANSIENT,
    "permanent": payload_pb2.ERROR_CLASS_PERMANENT,
    "system": payload_pb2.ERROR_CLASS_SYSTEM,
    "user": payload_pb2.ERROR_CLASS_USER,
}
_CLASS_NAMES = {number: name for name, number in _CLASSES.items()}

_encode = msgspec.json.encode


class FailureOut(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A failure as the runtime writes it."""

    error_class: str
    reason: str
    message: str
    details: msgspec.Raw


class VarsOut(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a step did to variables: names that were set, their values, names that were deleted."""

    names: list[str]
    values: list[msgspec.Raw]
    deleted: list[str]


class StepOut(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one step gave. `output` is JSON text of user code, not parsed here."""

    spent_us: int
    output: msgspec.Raw
    failure: FailureOut | None = None
    chosen: list[str] | None = None
    logs: list[tuple[int, str, str]] = []
    changed: VarsOut | None = None


class ResultOut(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A finished call of which there is more to say than outputs; `first` is its batch."""

    slot: int
    first: int
    steps: list[StepOut]


class WholeOut(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Calls that came together and did well in every step: their places (None: all, in order), the
    time of each step (0: none took a millisecond), the outputs."""

    first: int
    places: list[int] | None
    spent_us: list[int] | int
    outputs: list[msgspec.Raw]


class Collected(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a crossing gave: calls that did well, other finished calls, requests to the host, time
    until a sleeper wakes."""

    whole: list[WholeOut]
    results: list[ResultOut]
    host_calls: list[tuple[int, int, int, str, msgspec.Raw]]
    wait_ms: float


class _Batch:
    """A batch with calls that have not ended: the ids of its calls, the places of the ended."""

    __slots__ = ("ended", "ids")

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.ended: set[int] = set()


class Codec:
    """Translates; remembers which programs the runtime knows, and the batches under way."""

    def __init__(self) -> None:
        self._programs = Programs()
        self._batches: dict[int, _Batch] = {}
        self._decoder = msgspec.json.Decoder(Collected)

    def script(self, script: sandbox_pb2.Script) -> bytes:
        """The message that makes a script known."""
        parts = ("s", script.script_id, script.kind, script.source, script.label)
        return _encode(parts)

    def take_batches_apart(self, request: sandbox_pb2.RunRequest) -> None:
        """Make calls of their own of all batches of a request that was refused, and forget it: the
        runtime knows nothing of it."""
        for batch in request.batches:
            self._batches.pop(batch.first_slot, None)
            request.calls.extend(calls_of(self._programs.given(batch.program_id), batch))
        del request.batches[:]
        self._programs.forget()

    def call(self, call: sandbox_pb2.Call) -> bytes:
        """The message that starts a call. Takes the varying parts out of it."""
        slot = call.call_id
        times = [step.now_unix_ms for step in call.steps]
        for step in call.steps:
            step.now_unix_ms = 0
        (number, width), values = self._programs.of_call(call)
        row = b",".join(values)
        recorded = times[0] if times and len(set(times)) == 1 else times
        return b'["c",%d,%d,%b,%d,1,%d,[%b]]' % (
            number,
            slot,
            _encode(recorded if any(times) else 0),
            _TAG in row,
            width,
            row,
        )

    def batch(self, batch: sandbox_pb2.CallBatch) -> bytes:
        """The message that starts the calls of a batch."""
        number, width = self._programs.of_batch(batch)
        first, ids = batch.first_slot, list(batch.call_ids)
        self._batches[first] = _Batch(ids)
        rows = b",".join(batch.values_json)
        return b'["c",%d,%d,0,%d,%d,%d,[%b]]' % (
            number,
            first,
            _TAG in rows,
            len(ids),
            width,
            rows,
        )

    def host_result(self, result: sandbox_pb2.HostResult) -> bytes:
        """The message that answers a request to the host."""
        head = b'["h",%d,%d,' % (result.call_id, result.host_call_id)
        if result.WhichOneof("kind") != "failure":
            value = result.value_json or b"null"
            return b"%b%b,%d]" % (head, value, _TAG in value)
        failure = result.failure
        return b"%bnull,0,[%b,%b,%b,%b]]" % (
            head,
            _encode(_CLASS_NAMES.get(failure.error_class, "system")),
            _encode(failure.reason),
            _encode(failure.message),
            failure.details_json or b"null",
        )

    def messages(self, request: sandbox_pb2.RunRequest) -> list[bytes]:
        """All messages of a request, in the order in which they must be taken in."""
        self._programs.keep(request.programs)
        starts: list[bytes] = []
        for call in request.calls:
            self._begin(starts, self.call(call))
        for batch in request.batches:
            self._begin(starts, self.batch(batch))
        return [
            *[self.script(script) for script in request.scripts],
            *starts,
            *[self.host_result(result) for result in request.host_results],
            *[b'["x",%d]' % slot for slot in request.cancelled_calls],
        ]

    def _begin(self, starts: list[bytes], message: bytes) -> None:
        """Add a message after the programs that it brought up."""
        if self._programs.news:
            starts += self._programs.news
            self._programs.news = []
        starts.append(message)

    def end_cancelled(self, slot: int) -> None:
        """A cancelled call gives no result any more."""
        for first, batch in self._batches.items():
            if first <= slot < first + len(batch.ids):
                self._end(first, (slot - first,))
                return

    def _end(self, first: int, places: Collection[int]) -> None:
        """Calls of a batch have ended."""
        batch = self._batches.get(first)
        if batch is not None:
            batch.ended.update(places)
            if len(batch.ended) == len(batch.ids):
                del self._batches[first]

    def decode(self, text: str) -> Collected:
        """Read what the runtime collected."""
        return self._decoder.decode(text)

    def response(self, collected: Collected, crossing_us: int) -> sandbox_pb2.RunResponse:
        """What goes back to the front.

        V8's clock has milliseconds only, so a step is said to have taken at least its share of the
        crossing.
        """
        ran = sum([len(one.outputs) for one in collected.whole])
        ran += sum([len(one.steps) for one in collected.results])
        share_us = crossing_us // max(ran, 1)
        response = sandbox_pb2.RunResponse()
        for whole in collected.whole:
            self._add_whole(response, whole, share_us)
        for result in collected.results:
            _fill_result(response.results.add(), result.slot, result.steps, share_us)
            self._end(result.first, (result.slot - result.first,))
        for slot, index, host_call_id, function, args in collected.host_calls:
            response.host_calls.add(
                call_id=slot,
                step=index,
                host_call_id=host_call_id,
                function=function,
                args_json=bytes(args),
            )
        return response

    def _add_whole(self, response: sandbox_pb2.RunResponse, whole: WholeOut, share_us: int) -> None:
        outputs = [bytes(output) for output in whole.outputs]
        spent = whole.spent_us
        if isinstance(spent, int):
            spent = [share_us] * len(outputs)
        else:
            spent = [one if one > share_us else share_us for one in spent]
        batch = self._batches.get(whole.first)
        if batch is None:
            result = response.results.add(call_id=whole.first)
            for output, spent_us in zip(outputs, spent, strict=True):
                result.steps.add(output_json=output, duration_us=spent_us)
            return
        made = response.batches.add(first_slot=whole.first)
        made.outputs_json.extend(outputs)
        made.durations_us.extend(spent)
        ids = batch.ids
        if whole.places is None:
            made.call_ids.extend(ids)
            del self._batches[whole.first]
        else:
            made.call_ids.extend([ids[place] for place in whole.places])
            self._end(whole.first, whole.places)


def _fill_result(
    result: sandbox_pb2.CallResult, slot: int, steps: list[StepOut], share_us: int
) -> None:
    result.call_id = slot
    for step in steps:
        made = result.steps.add(duration_us=max(step.spent_us, share_us))
        if step.failure is None:
            made.output_json = bytes(step.output)
        else:
            _fill_failure(made.failure, step.failure)
        if step.chosen is not None or step.logs or step.changed is not None:
            _fill_extras(made, step)


def _fill_failure(made: payload_pb2.Failure, failure: FailureOut) -> None:
    made.error_class = _CLASSES[failure.error_class]
    made.reason = failure.reason
    made.message = failure.message
    made.details_json = b"" if failure.details == b"null" else bytes(failure.details)


def _fill_extras(made: sandbox_pb2.StepResult, step: StepOut) -> None:
    if step.chosen is not None:
        made.routed = True
        made.chosen.extend(step.chosen)
    for at_us, level, message in step.logs:
        made.logs.add(at_unix_us=at_us, level=level, message=_cut(message))
    changed = step.changed
    if changed is not None:
        made.vars.names.extend((*changed.names, *changed.deleted))
        values = [bytes(value) for value in changed.values]
        made.vars.values_json.extend((*values, *(b"" for _ in changed.deleted)))


def _cut(message: str) -> str:
    if len(message) * 4 <= _LOG_BYTES_MAX:
        return message
    return message.encode()[:_LOG_BYTES_MAX].decode(errors="ignore")
