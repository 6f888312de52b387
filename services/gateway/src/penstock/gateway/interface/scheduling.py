"""Operations of scheduling: queues, and why nodes wait."""

from penstock.gateway.interface.operation import ID, Answered, Operation
from penstock.gateway.shapes.scheduling import Explanation, QueueReport

SCHEDULING_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/queues",
        "get",
        "listQueues",
        "What waits for workers",
        [Answered(200, "What waits, by what it needs of a worker.", QueueReport)],
    ),
    Operation(
        "/v1/executions/{execution_id}/why",
        "get",
        "explainExecution",
        "Why the nodes of an execution have not ended",
        [Answered(200, "One sentence for each node.", Explanation)],
        [ID],
        problems=(404,),
    ),
)
