"""Batches of calls taken apart: for calls that run alone, and for payloads that are not JSON."""

from collections.abc import Collection, Iterator

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2

_COMPLETED = "COMPLETED"


def width_of(program: sandbox_pb2.Program) -> int:
    """How many values each call of a program brings."""
    flags = (
        program.reads_params,
        program.reads_run,
        program.reads_trigger,
        program.reads_item,
    )
    return len(program.reads) + sum(flags)


def fits(program: sandbox_pb2.Program, batch: sandbox_pb2.CallBatch) -> bool:
    """True if the columns of a batch are as long as they must be."""
    count = len(batch.call_ids)
    return len(batch.values_json) == count * width_of(program) and len(batch.traceparents) in (
        0,
        count,
    )


def call_at(
    program: sandbox_pb2.Program, batch: sandbox_pb2.CallBatch, place: int
) -> sandbox_pb2.Call:
    """One call of a batch as a call of its own; with the slot that it has between front and jail
    as id if the batch has one."""
    width = width_of(program)
    values = iter(batch.values_json[place * width : (place + 1) * width])
    call = sandbox_pb2.Call(
        call_id=batch.first_slot + place if batch.first_slot else batch.call_ids[place],
        tenant=batch.tenant,
        steps=program.steps,
        limits=program.limits,
        env_json=program.env_json,
        traceparent=batch.traceparents[place] if batch.traceparents else "",
    )
    for node_id in program.reads:
        call.values.add(node_id=node_id, status=_COMPLETED, output_json=next(values))
    if program.reads_params:
        call.params_json = next(values)
    if program.reads_run:
        call.run_json = next(values)
    if program.reads_trigger:
        call.trigger_json = next(values)
    if program.reads_item and call.steps:
        call.steps[0].item_json = next(values)
    return call


def calls_of(
    program: sandbox_pb2.Program, batch: sandbox_pb2.CallBatch
) -> Iterator[sandbox_pb2.Call]:
    """All calls of a batch, each on its own."""
    return (call_at(program, batch, place) for place in range(len(batch.call_ids)))


def part_of(
    program: sandbox_pb2.Program, batch: sandbox_pb2.CallBatch, places: Collection[int]
) -> sandbox_pb2.CallBatch:
    """A batch of the calls at these places."""
    width = width_of(program)
    part = sandbox_pb2.CallBatch(program_id=batch.program_id, tenant=batch.tenant)
    part.call_ids.extend([batch.call_ids[place] for place in places])
    for place in places:
        part.values_json.extend(batch.values_json[place * width : (place + 1) * width])
    if batch.traceparents:
        part.traceparents.extend([batch.traceparents[place] for place in places])
    return part


def cut(
    program: sandbox_pb2.Program, batch: sandbox_pb2.CallBatch, count: int
) -> sandbox_pb2.CallBatch:
    """Take the first `count` calls out of a batch; the batch of them."""
    end = count * width_of(program)
    head = sandbox_pb2.CallBatch(
        program_id=batch.program_id,
        tenant=batch.tenant,
        call_ids=batch.call_ids[:count],
        values_json=batch.values_json[:end],
        traceparents=batch.traceparents[:count],
    )
    del batch.call_ids[:count]
    del batch.values_json[:end]
    del batch.traceparents[:count]
    return head
