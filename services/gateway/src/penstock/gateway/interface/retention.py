"""Operations of the interface about retention."""

from penstock.gateway.interface.operation import Answered, Operation
from penstock.gateway.shapes.retention import RetentionReport

RETENTION_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/retention",
        "get",
        "previewRetention",
        "What retention would remove now; nothing is removed",
        [
            Answered(
                200,
                "How much of each workflow, how many operations and stored payloads.",
                RetentionReport,
            )
        ],
    ),
)
