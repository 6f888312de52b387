"""/v1/queues and /v1/executions/{id}/why: what waits for workers, and why."""

from collections.abc import Iterable, Sequence

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.scheduling.v1 import scheduling_service_pb2 as pb
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import AnyRequest, query_of, tenant_of
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.scheduling import Explanation, NodeReason, Pool, Queue, QueueReport
from penstock.gateway.views import executions as views

_Place = tuple[str, str, tuple[tuple[str, str], ...], tuple[tuple[str, float], ...]]


@get("/v1/queues")
async def list_queues(request: AnyRequest) -> ASGIApp:
    """What waits for workers, over all coordinators."""
    query_of(request)
    answers = await doors_of(request).scheduling.queues(tenant_of(request))
    pools = _pools([pool for answer in answers for pool in answer.pools])
    return json_answer(
        QueueReport(
            waiting=sum(pool.waiting for pool in pools),
            oldest_s=max((pool.oldest_s for pool in pools), default=0.0),
            pools=pools,
            queues=_queues([queue for answer in answers for queue in answer.queues]),
        )
    )


def _pools(found: Iterable[pb.Pool]) -> tuple[Pool, ...]:
    """Each pool once: coordinators see the same workers and hold different work."""
    by_name: dict[str, list[pb.Pool]] = {}
    for pool in found:
        by_name.setdefault(pool.pool, []).append(pool)
    return tuple(
        Pool(
            pool=name,
            workers=max(one.workers for one in same),
            waiting=sum(one.waiting for one in same),
            oldest_s=max(_seconds(one) for one in same),
        )
        for name, same in sorted(by_name.items())
    )


def _queues(found: Iterable[pb.Queue]) -> tuple[Queue, ...]:
    """Each queue once, the longest first."""
    by_place: dict[_Place, list[pb.Queue]] = {}
    for queue in found:
        labels, resources = sorted(queue.labels.items()), sorted(queue.resources.items())
        place = (queue.pool, queue.node_type, tuple(labels), tuple(resources))
        by_place.setdefault(place, []).append(queue)
    merged = [_merged(same) for same in by_place.values()]
    return tuple(sorted(merged, key=lambda one: (-one.waiting, one.pool, one.node_type)))


def _merged(same: Sequence[pb.Queue]) -> Queue:
    oldest = max(same, key=_seconds)
    return Queue(
        pool=oldest.pool,
        node_type=oldest.node_type,
        labels=dict(oldest.labels),
        resources=dict(oldest.resources),
        waiting=sum(one.waiting for one in same),
        oldest_s=_seconds(oldest),
        workers=max(one.workers for one in same),
        why=oldest.why,
    )


def _seconds(one: pb.Pool | pb.Queue) -> float:
    return one.oldest.ToMicroseconds() / 1e6


@get("/v1/executions/{execution_id:str}/why")
async def explain_execution(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """Why the nodes of an execution have not ended."""
    query_of(request)
    asked = execution_id_of(request, execution_id)
    found = await doors_of(request).scheduling.explain(asked, tenant_of(request))
    return json_answer(
        Explanation(
            id=asked,
            status=views.EXECUTION_STATUS[found.status],
            nodes=tuple(
                NodeReason(
                    node=one.node,
                    status=views.NODE_STATUS[one.status],
                    attempt=one.attempt,
                    why=one.why,
                )
                for one in found.nodes
            ),
        )
    )


SCHEDULING_ROUTES = (list_queues, explain_execution)
