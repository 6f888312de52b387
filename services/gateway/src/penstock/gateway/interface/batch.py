"""Operations of the interface that do one thing to many executions, or remove one."""

from penstock.gateway.interface.operation import (
    CURSOR,
    ID,
    LIMIT,
    Answered,
    Operation,
    Parameter,
    in_path,
)
from penstock.gateway.shapes import batch as batch_schema

_ID = in_path("operation_id", "The operation's id, a ULID.")
_KEY = Parameter("Idempotency-Key", "header", "Requests with one key are one operation.")

BATCH_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/operations",
        "post",
        "startOperation",
        "Do one thing to many executions",
        [
            Answered(201, "It was begun.", batch_schema.StartedOperation),
            Answered(
                200, "A dry run, or a request that was made before.", batch_schema.StartedOperation
            ),
        ],
        [_KEY],
        batch_schema.OperationBody,
        (413, 415),
    ),
    Operation(
        "/v1/operations",
        "get",
        "listOperations",
        "Operations, newest first",
        [Answered(200, "A page.", batch_schema.OperationPage)],
        [LIMIT, CURSOR],
    ),
    Operation(
        "/v1/operations/{operation_id}",
        "get",
        "getOperation",
        "How far an operation is",
        [Answered(200, "The operation.", batch_schema.BatchOperation)],
        [_ID],
        problems=(404,),
    ),
    Operation(
        "/v1/operations/{operation_id}/cancel",
        "post",
        "cancelOperation",
        "Stop an operation",
        [Answered(200, "Where it stands now.", batch_schema.BatchOperation)],
        [_ID],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}",
        "delete",
        "deleteExecution",
        "Remove an execution that has ended",
        [Answered(204, "It is gone, with everything of it.")],
        [ID],
        problems=(404, 409),
    ),
)
