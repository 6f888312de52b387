"""Definitions by content hash, fetched from state, compiled once, kept ready to run."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping

from penstock.api.state.v1 import state_service_pb2 as state_pb
from penstock.api.state.v1 import state_service_pb2_grpc as state_grpc
from penstock.common.errors import PenstockError
from penstock.common.rpc.channel import call
from penstock.nodes.api import NodeFailure
from penstock.worker.patience import patiently
from penstock.worker.program import PlanProgram
from penstock.workflow.node_type import NodeType
from penstock.workflow.plan import Plan

Compile = Callable[[str, Mapping[str, NodeType]], Plan]

_PLANS_MAX = 500
_NODES_MAX = 50_000
"""Nodes of all plans kept: a node ready to run takes some KiB, and a plan may have 10,000."""


class Plans:
    """The plan cache of a worker."""

    def __init__(
        self,
        stub: "state_grpc.QueryServiceAsyncStub",
        types: Mapping[str, NodeType],
        pool: str,
        compile_source: Compile,
    ) -> None:
        self._stub = stub
        self._types = types
        self._pool = pool
        self._compile = compile_source
        self._programs: OrderedDict[str, PlanProgram] = OrderedDict()
        self._nodes = 0
        self._loading: dict[str, asyncio.Lock] = {}

    def peek(self, definition_hash: str) -> PlanProgram | None:
        """The plan if it is here."""
        return self._programs.get(definition_hash)

    async def get(self, definition_hash: str, tenant: str) -> PlanProgram:
        """The plan; fetched and compiled once however many ask. Raises DEFINITION_UNUSABLE."""
        lock = self._loading.setdefault(definition_hash, asyncio.Lock())
        async with lock:
            found = self.peek(definition_hash)
            if found is None:
                found = await self._load(definition_hash, tenant)
                self._keep(definition_hash, found)
        self._loading.pop(definition_hash, None)
        return found

    def _keep(self, definition_hash: str, program: PlanProgram) -> None:
        kept = self._programs
        kept[definition_hash] = program
        self._nodes += len(program.nodes)
        while len(kept) > 1 and (len(kept) > _PLANS_MAX or self._nodes > _NODES_MAX):
            _, dropped = kept.popitem(last=False)
            self._nodes -= len(dropped.nodes)

    async def _load(self, definition_hash: str, tenant: str) -> PlanProgram:
        request = state_pb.GetDefinitionRequest(definition_hash=definition_hash)
        try:
            answer = await patiently(lambda: call(self._stub.GetDefinition, request, tenant=tenant))
            return await asyncio.to_thread(self._make, answer.source)
        except (PenstockError, ValueError) as error:
            text = f"the definition {definition_hash[:12]} cannot be used here: {error}"
            raise NodeFailure("system", "DEFINITION_UNUSABLE", text) from error

    def _make(self, source: str) -> PlanProgram:
        return PlanProgram(self._compile(source, self._types), self._types, self._pool)
