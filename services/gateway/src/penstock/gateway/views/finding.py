"""Contracts to public JSON: searches and dead letters. Pure."""

import msgspec

from penstock.api.search.v1 import search_service_pb2 as api
from penstock.api.workflow.v1 import workflow_service_pb2 as workflow
from penstock.gateway.shapes import finding as schema
from penstock.gateway.shapes.executions import Execution
from penstock.gateway.views import executions as views

LETTER_STATE = {
    number: name.removeprefix("LETTER_STATE_").lower() for name, number in api.LetterState.items()
}


def letter(message: api.DeadLetter) -> schema.Letter:
    """What was done about a dead letter."""
    return schema.Letter(
        state=LETTER_STATE[message.state],
        reason=message.reason,
        settled_at=views.instant_or_none(message.settled_unix_us),
        retried_as=message.retried_as or None,
    )


def dead_letter_summary(found: api.FoundExecution) -> schema.DeadLetterSummary:
    """One dead letter of a list."""
    summary = views.execution_summary(found.execution)
    return schema.DeadLetterSummary(
        **msgspec.structs.asdict(summary), letter=letter(found.dead_letter)
    )


def dead_letter(
    found: api.FoundExecution, execution: workflow.Execution, shown: Execution
) -> schema.DeadLetter:
    """One dead letter with the execution as it ended, and as it is shown."""
    return schema.DeadLetter(
        letter=letter(found.dead_letter),
        failed=_failed_node(execution),
        execution=shown,
    )


def _failed_node(execution: workflow.Execution) -> schema.FailedNode | None:
    nodes = {node.id: node for node in execution.nodes}
    failed = nodes.get(execution.failed_node)
    if failed is None:
        return None
    parents = [nodes[name] for name in failed.needs if name in nodes]
    return schema.FailedNode(
        id=failed.id,
        uses=failed.uses,
        attempt=failed.attempt,
        failure=views.failure(failed.failure) if failed.HasField("failure") else None,
        input={x.id: output for x in parents if (output := views.output_json(x)) is not None},
    )
