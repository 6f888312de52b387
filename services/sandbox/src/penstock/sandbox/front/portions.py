"""What jails told, in messages that can be sent: small ones together, a large one in parts.

A message above the limit would break the worker's stream, and all its calls with it; sent again
they would break the next one.
"""

from collections.abc import Iterator, Sequence

from penstock.api.payload.v1 import payload_pb2
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2

MESSAGE_BYTES = 16 * 1024 * 1024
RESULT_BYTES_MAX = 48 * 1024 * 1024
"""Of one call: as much as it may bring, and less than a message."""


def portions(responses: Sequence[sandbox_pb2.RunResponse]) -> Iterator[sandbox_pb2.RunResponse]:
    """All of it, in order as far as one call is concerned."""
    gathered = sandbox_pb2.RunResponse()
    size = 0
    for response in responses:
        for part, weight in _parts(response):
            if size and size + weight > MESSAGE_BYTES:
                yield gathered
                gathered, size = sandbox_pb2.RunResponse(), 0
            if size:
                gathered.MergeFrom(part)
            else:
                gathered = part
            size += weight
    yield gathered


def _parts(
    response: sandbox_pb2.RunResponse,
) -> Iterator[tuple[sandbox_pb2.RunResponse, int]]:
    """A response as it is, or call by call if it is large; and the bytes of each part."""
    weight = response.ByteSize()
    if weight <= MESSAGE_BYTES:
        yield response, weight
        return
    for host_call in response.host_calls:
        part = sandbox_pb2.RunResponse(host_calls=[host_call])
        if part.ByteSize() > RESULT_BYTES_MAX:
            part = _too_large(host_call.call_id, part.ByteSize())
        yield part, part.ByteSize()
    for result in response.results:
        part = sandbox_pb2.RunResponse(results=[result])
        if part.ByteSize() > RESULT_BYTES_MAX:
            part = _too_large(result.call_id, part.ByteSize())
        yield part, part.ByteSize()
    for batch in response.batches:
        steps = len(batch.outputs_json) // max(1, len(batch.call_ids))
        for place, call_id in enumerate(batch.call_ids):
            own = slice(place * steps, (place + 1) * steps)
            alone = sandbox_pb2.ResultBatch(
                call_ids=[call_id],
                outputs_json=batch.outputs_json[own],
                durations_us=batch.durations_us[own],
            )
            part = sandbox_pb2.RunResponse(batches=[alone])
            if part.ByteSize() > RESULT_BYTES_MAX:
                part = _too_large(call_id, part.ByteSize())
            yield part, part.ByteSize()


def _too_large(call_id: int, size: int) -> sandbox_pb2.RunResponse:
    failure = payload_pb2.Failure(
        error_class=payload_pb2.ERROR_CLASS_PERMANENT,
        reason="OUTPUT_TOO_LARGE",
        message=f"What the code gave has {size} bytes together; {RESULT_BYTES_MAX} is the limit.",
    )
    result = sandbox_pb2.CallResult(call_id=call_id, jail_failure=failure)
    return sandbox_pb2.RunResponse(results=[result])
