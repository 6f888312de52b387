"""Operations on the service itself, and the large values that others refer to."""

from penstock.gateway.interface.operation import Answered, Operation, in_path
from penstock.gateway.shapes import executions as schema

SERVICE_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/payloads/{digest}",
        "get",
        "getPayload",
        "A large value",
        [Answered(200, "Its JSON text.")],
        [in_path("digest", "`$ref` of the value.")],
        problems=(404,),
    ),
    Operation(
        "/health",
        "get",
        "getHealth",
        "Components, uptime, version",
        [
            Answered(200, "It serves.", schema.HealthReport),
            Answered(503, "Something it needs is down.", schema.HealthReport),
        ],
    ),
    Operation(
        "/metrics",
        "get",
        "getMetrics",
        "Metrics for Prometheus",
        [Answered(200, "Prometheus' text format.", None, "text/plain")],
    ),
)
