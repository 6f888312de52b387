"""Large payloads: fetched from state when read, kept in memory while there is room."""

import asyncio
from collections import OrderedDict

import msgspec

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.state.v1 import state_service_pb2 as state_pb
from penstock.api.state.v1 import state_service_pb2_grpc as state_grpc
from penstock.common.rpc.channel import call
from penstock.worker.patience import patiently
from penstock.workflow.execution.values import INLINE_BYTES_MAX

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_ARRAYS_MAX = 16
"""Stored arrays kept apart: those of the fan-outs under way."""
_CALL_S = 30.0


class Payloads:
    """The payload store behind a cache that drops what was not used for longest."""

    def __init__(self, stub: "state_grpc.PayloadServiceAsyncStub", cache_bytes_max: int) -> None:
        self._stub = stub
        self._room = cache_bytes_max
        self._bytes: OrderedDict[str, bytes] = OrderedDict()
        self._elements: OrderedDict[str, list[msgspec.Raw]] = OrderedDict()
        self._fetching: dict[str, asyncio.Future[bytes]] = {}

    def peek(self, digest: str) -> bytes | None:
        """The value if it is in memory."""
        found = self._bytes.get(digest)
        if found is not None:
            self._bytes.move_to_end(digest)
        return found

    async def get(self, ref: payload_pb.PayloadRef, tenant: str) -> bytes:
        """The value; fetched once however many ask at the same time."""
        digest = ref.digest
        while True:
            found = self.peek(digest)
            if found is not None:
                return found
            fetching = self._fetching.get(digest)
            if fetching is None:
                return await self._fetch(digest, tenant)
            await asyncio.wait([fetching])

    async def _fetch(self, digest: str, tenant: str) -> bytes:
        self._fetching[digest] = done = asyncio.get_running_loop().create_future()
        request = state_pb.GetPayloadRequest(digest=digest)
        try:
            answer = await patiently(
                lambda: call(self._stub.GetPayload, request, timeout_s=_CALL_S, tenant=tenant)
            )
            self._keep(digest, answer.json)
            value: bytes = answer.json
            return value
        finally:
            del self._fetching[digest]
            done.cancel()

    async def element(self, array: payload_pb.Payload, place: int, tenant: str) -> bytes:
        """Element `place` of a JSON array; a stored one is taken apart once."""
        if array.WhichOneof("kind") == "json":
            return bytes(_ELEMENTS.decode(array.json)[place])
        digest = array.ref.digest
        if digest not in self._elements:
            stored = await self.get(array.ref, tenant)
            if digest not in self._elements:  # of all that waited for it, one takes it apart
                self._elements[digest] = _ELEMENTS.decode(stored)
                if len(self._elements) > _ARRAYS_MAX:
                    self._elements.popitem(last=False)
        return bytes(self._elements[digest][place])

    def peek_element(self, array: payload_pb.Payload, place: int) -> bytes | None:
        """Element `place` of a stored array that was taken apart before."""
        digest = array.ref.digest
        elements = self._elements.get(digest)
        if elements is None:
            return None
        self._elements.move_to_end(digest)
        return bytes(elements[place])

    async def put(self, value: bytes, tenant: str) -> payload_pb.Payload:
        """A payload for the value: inline if it is small, else stored."""
        if len(value) <= INLINE_BYTES_MAX:
            return payload_pb.Payload(json=value)
        request = state_pb.PutPayloadRequest(json=value)
        answer = await patiently(
            lambda: call(self._stub.PutPayload, request, timeout_s=_CALL_S, tenant=tenant)
        )
        self._keep(answer.ref.digest, value)
        return payload_pb.Payload(ref=answer.ref)

    def _keep(self, digest: str, value: bytes) -> None:
        if digest in self._bytes or len(value) > self._room:
            return
        self._bytes[digest] = value
        self._room -= len(value)
        while self._room < 0 and self._bytes:
            _, dropped = self._bytes.popitem(last=False)
            self._room += len(dropped)
