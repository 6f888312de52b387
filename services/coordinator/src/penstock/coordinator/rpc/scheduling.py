"""SchedulingService: what waits for workers, and why."""

from collections.abc import Iterator
from typing import Any

import grpc

from penstock.api.scheduling.v1 import scheduling_service_pb2 as pb
from penstock.api.scheduling.v1.scheduling_service_pb2_grpc import SchedulingServiceServicer
from penstock.api.workflow.v1.workflow_service_pb2 import (
    EXECUTION_DETAIL_NODES,
    EXECUTION_DETAIL_OUTLINE,
    GetExecutionRequest,
)
from penstock.common.errors import no_execution
from penstock.common.rpc.server import call_tenant
from penstock.coordinator.queueing.kinds import MILLI, Demand
from penstock.coordinator.shell.coordinator import Coordinator
from penstock.workflow.execution.values import OPEN_STATUSES, ExecutionStatus, NodeStatus

Context = grpc.aio.ServicerContext[Any, Any]


class SchedulingRpc(SchedulingServiceServicer):
    """Translates between the contract, the queues and the explanations."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._of = coordinator
        self._queries = coordinator.state.queries

    async def ListQueues(
        self, request: pb.ListQueuesRequest, context: Context
    ) -> pb.ListQueuesResponse:
        """What waits here of the caller's account, and the pools."""
        queues = list(self._queues(call_tenant(context)))
        pools = {
            pool: pb.Pool(pool=pool, workers=count)
            for pool, count in self._of.workers.counts().items()
        }
        for queue in queues:
            pool = pools.setdefault(queue.pool, pb.Pool(pool=queue.pool))
            pool.waiting += queue.waiting
            if queue.oldest.ToMicroseconds() > pool.oldest.ToMicroseconds():
                pool.oldest.CopyFrom(queue.oldest)
        return pb.ListQueuesResponse(
            queues=queues,
            pools=[pools[name] for name in sorted(pools)],
            coordinators=self._of.shards.members,
        )

    def _queues(self, tenant: str) -> Iterator[pb.Queue]:
        explaining = self._of.explaining
        for queue in self._of.release.ready:
            waiting = queue.depth_of(tenant)
            if not waiting:
                continue
            demand = queue.kind.demand or Demand()
            found = pb.Queue(
                pool=queue.kind.pool,
                node_type=queue.kind.uses,
                labels=dict(demand.labels),
                resources={name: amount / MILLI for name, amount in demand.resources},
                waiting=waiting,
                workers=len(explaining.suiting(queue.kind)),
                why=explaining.why(queue.kind),
            )
            found.oldest.FromMicroseconds(round(self._of.release.ready.age_s(queue, tenant) * 1e6))
            yield found

    async def ExplainExecution(
        self, request: pb.ExplainExecutionRequest, context: Context
    ) -> pb.ExplainExecutionResponse:
        """Why nodes have not ended; of an execution at rest or at its end, what is on disk says."""
        tenant = call_tenant(context)
        live = self._of.executions.get(request.execution_id)
        if live is None:
            self._of.shards.of(request.execution_id)
            return await self._at_rest(tenant, request.execution_id)
        if live.tenant != tenant:
            raise no_execution(request.execution_id)
        end = live.state.end
        status = end.status if end is not None else ExecutionStatus.RUNNING
        reasons = self._of.explaining.explain(live) if end is None else []
        return pb.ExplainExecutionResponse(
            status=int(status),  # type: ignore[arg-type]
            nodes=[
                pb.NodeReason(
                    node=reason.node,
                    status=reason.status,  # type: ignore[arg-type]
                    attempt=reason.attempt,
                    why=reason.why,
                )
                for reason in reasons
            ],
        )

    async def _at_rest(self, tenant: str, execution_id: str) -> pb.ExplainExecutionResponse:
        """What ended has nothing that waits, and its nodes are not asked for."""
        asked = GetExecutionRequest(execution_id=execution_id, detail=EXECUTION_DETAIL_OUTLINE)
        found = await self._queries.get_execution(tenant, asked)
        if int(found.status) in OPEN_STATUSES:
            asked.detail = EXECUTION_DETAIL_NODES
            found = await self._queries.get_execution(tenant, asked)
        return pb.ExplainExecutionResponse(
            status=found.status,
            nodes=[
                pb.NodeReason(
                    node=node.id, status=node.status, attempt=node.attempt, why=node.waiting_for
                )
                for node in found.nodes
                if node.status < NodeStatus.COMPLETED
            ],
        )
