"""Operations of limits and circuit breakers."""

from penstock.gateway.interface.operation import ID, Answered, Operation
from penstock.gateway.shapes.limits import (
    BreakerBody,
    BreakerReport,
    BreakerSet,
    LimitReport,
    Released,
)

LIMIT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/limits",
        "get",
        "listLimits",
        "Limits in use: who holds and who waits",
        [Answered(200, "The limits.", LimitReport)],
    ),
    Operation(
        "/v1/limits/permits/{execution_id}",
        "delete",
        "releasePermits",
        "Free what an execution holds under limits",
        [Answered(200, "How many were freed.", Released)],
        [ID],
        problems=(404,),
    ),
    Operation(
        "/v1/breakers",
        "get",
        "listBreakers",
        "Circuit breakers that are known",
        [Answered(200, "The breakers.", BreakerReport)],
    ),
    Operation(
        "/v1/breakers",
        "post",
        "setBreaker",
        "Open or close a circuit breaker by hand",
        [Answered(200, "What was done.", BreakerSet)],
        body=BreakerBody,
        problems=(404, 413, 415),
    ),
)
