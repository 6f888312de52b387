"""Protobuf on the socket to the runtime's messages, and back.

Payload bytes are spliced into the message text and cut out of the answer without being parsed here:
V8 parses and writes them. The shapes are those of `runtime/calls.js`.
"""

import msgspec

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2

_HAS_OUTPUT = 1
_HAS_ERROR = 2
_IS_TAGGED = 4
_TAG = b'"$type"'
_LOG_BYTES_MAX = 8192
_QUOTED_MAX = 20_000
SHAPES_MAX = 1000
_DEFAULT_OUTPUT_BYTES_MAX = 16 * 1024 * 1024
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


class StepOut(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one step gave. `output` is JSON text of user code, not parsed here."""

    spent_us: int
    output: msgspec.Raw
    failure: FailureOut | None = None
    chosen: list[str] | None = None
    logs: list[tuple[int, str, str]] = []


class Collected(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a crossing gave: finished calls, requests to the host, time until a sleeper wakes."""

    results: list[tuple[int, list[StepOut]]]
    host_calls: list[tuple[int, int, int, str, msgspec.Raw]]
    wait_ms: float


class Codec:
    """Translates; remembers how names are quoted and which shapes of steps the runtime knows."""

    def __init__(self) -> None:
        self._quoted: dict[str, bytes] = {}
        self._shapes: dict[bytes, bytes] = {}
        self._fresh: list[bytes] = []
        self._decoder = msgspec.json.Decoder(Collected)

    def _quote(self, text: str) -> bytes:
        found = self._quoted.get(text)
        if found is None:
            if len(self._quoted) >= _QUOTED_MAX:
                self._quoted.clear()
            found = self._quoted[text] = _encode(text)
        return found

    def script(self, script: sandbox_pb2.Script) -> bytes:
        """The message that makes a script known."""
        parts = ("s", script.script_id, script.kind, script.source, script.label)
        return _encode(parts)

    def forget_shapes(self) -> None:
        """Number shapes anew: there are too many, or a message that told of some was refused."""
        self._shapes.clear()
        self._fresh = [b'["T"]']

    def _new_shape(self, key: bytes, step: sandbox_pb2.Step) -> bytes:
        """Give a number to all of a step that does not vary, and tell the runtime."""
        found = self._shapes[key] = b"%d" % len(self._shapes)
        parts = (list(step.parents), step.item_name, list(step.host_functions))
        names = _encode((step.node_id, step.script_id, *parts))
        self._fresh.append(b'["t",%b,%b' % (found, names[1:]))
        return found

    def _steps(self, call: sandbox_pb2.Call) -> tuple[bytes, bytes]:
        """The steps as numbers of shapes, with items where there are any; the recorded times."""
        if len(self._shapes) >= SHAPES_MAX:
            self.forget_shapes()
        shapes = self._shapes
        texts, times = [], []
        for step in call.steps:
            if now_ms := step.now_unix_ms:
                step.now_unix_ms = 0
            times.append(now_ms)
            if item := step.item_json:
                step.item_json = b""
            key = step.SerializeToString()
            shape = shapes.get(key) or self._new_shape(key, step)
            texts.append(b"[%b,%b,%d]" % (shape, item, _TAG in item) if item else shape)
        is_uniform = times.count(times[0]) == len(times) if times else True
        if is_uniform:
            return b",".join(texts), b"%d" % (times[0] if times else 0)
        return b",".join(texts), b"[%b]" % b",".join([b"%d" % now_ms for now_ms in times])

    def _value(self, value: sandbox_pb2.Value) -> bytes:
        output, error = value.output_json, value.error_json
        flags = (_HAS_OUTPUT if output else 0) | (_HAS_ERROR if error else 0)
        if _TAG in output:
            flags |= _IS_TAGGED
        return b"[%b,%b,%d,%b,%b]" % (
            self._quote(value.node_id),
            self._quote(value.status),
            flags,
            output or b"null",
            error or b"null",
        )

    def call(self, call: sandbox_pb2.Call) -> bytes:
        """The message that starts a call. Takes the varying parts out of its steps."""
        steps, recorded_ms = self._steps(call)
        return b'["c",%d,%b,[%b],[%b],%b,%b,%b,%b,%d]' % (
            call.call_id,
            recorded_ms,
            steps,
            b",".join([self._value(value) for value in call.values]),
            call.params_json or b"{}",
            call.run_json or b"{}",
            call.env_json or b"{}",
            call.trigger_json or b"null",
            call.limits.output_bytes_max or _DEFAULT_OUTPUT_BYTES_MAX,
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
            self._quote(_CLASS_NAMES.get(failure.error_class, "system")),
            self._quote(failure.reason),
            _encode(failure.message),
            failure.details_json or b"null",
        )

    def messages(self, request: sandbox_pb2.RunRequest) -> list[bytes]:
        """All messages of a request, in the order in which they must be taken in."""
        calls = []
        for call in request.calls:
            text = self.call(call)
            calls += self._fresh
            self._fresh.clear()
            calls.append(text)
        return [
            *[self.script(script) for script in request.scripts],
            *calls,
            *[self.host_result(result) for result in request.host_results],
            *[b'["x",%d]' % call_id for call_id in request.cancelled_calls],
        ]

    def decode(self, text: str) -> Collected:
        """Read what the runtime collected."""
        return self._decoder.decode(text)

    def response(self, collected: Collected, crossing_us: int) -> sandbox_pb2.RunResponse:
        """What goes back to the front.

        V8's clock has milliseconds only, so a step is said to have taken at least its share of the
        crossing.
        """
        ran = sum([len(steps) for _, steps in collected.results])
        share_us = crossing_us // max(ran, 1)
        response = sandbox_pb2.RunResponse()
        for slot, steps in collected.results:
            result = response.results.add()
            result.call_id = slot
            add = result.steps.add
            for step in steps:
                made = add()
                spent_us = step.spent_us
                made.duration_us = spent_us if spent_us > share_us else share_us
                if step.failure is None:
                    made.output_json = bytes(step.output)
                else:
                    _fill_failure(made.failure, step.failure)
                if step.chosen is not None or step.logs:
                    _fill_extras(made, step)
        for slot, index, host_call_id, function, args in collected.host_calls:
            response.host_calls.add(
                call_id=slot,
                step=index,
                host_call_id=host_call_id,
                function=function,
                args_json=bytes(args),
            )
        return response


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


def _cut(message: str) -> str:
    if len(message) * 4 <= _LOG_BYTES_MAX:
        return message
    return message.encode()[:_LOG_BYTES_MAX].decode(errors="ignore")
