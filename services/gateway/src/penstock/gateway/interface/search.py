"""Operations that find executions, and on dead letters."""

from penstock.gateway.interface.operation import (
    CURSOR,
    ID,
    LIMIT,
    Answered,
    Operation,
    in_query,
)
from penstock.gateway.shapes import executions as schema
from penstock.gateway.shapes import finding as finding_schema

CONDITIONS = (
    in_query("q", "A query such as `status:failed workflow:orders tag:eu started>2026-01-01`."),
    in_query("workflow", "Only of this workflow."),
    in_query("version", "Only of this version.", "integer"),
    in_query("tag", "Only with this tag."),
    in_query("reason", "Only those that ended badly for this reason."),
    in_query("failed_node", "Only those that this node made fail."),
    in_query("parent", "Only sub-workflows that this execution started."),
    in_query("origin", "Only those that took outcomes over from this execution."),
    in_query("started_after", "Only those that started at this time or after it."),
    in_query("started_before", "Only those that started before this time."),
    in_query("ended_after", "Only those that ended at this time or after it."),
    in_query("ended_before", "Only those that ended before this time."),
    in_query("params.NAME", "Only those whose searched parameter NAME has this value."),
)
_STATUS = in_query("status", "Only with these statuses, separated by commas.")
_LETTERS = in_query(
    "dead_letter", "Only dead letters in these states: open, retried, discarded, by commas."
)
_ORDER = in_query("order", "`newest` (the default) or `oldest` first.")
_COUNTED = in_query("limit", "Count no further than this: 1 to 100,000; 10,000 by default.",
                    "integer")  # fmt: skip

SEARCH_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/executions",
        "get",
        "listExecutions",
        "Find executions",
        [
            Answered(
                200,
                "A page. One that took long to find may be short, or empty, and yet have a "
                "`next_cursor`.",
                schema.ExecutionPage,
            )
        ],
        [*CONDITIONS, _STATUS, _LETTERS, _ORDER, LIMIT, CURSOR],
    ),
    Operation(
        "/v1/executions/count",
        "get",
        "countExecutions",
        "Count executions",
        [Answered(200, "How many, or at least how many.", finding_schema.ExecutionCount)],
        [*CONDITIONS, _STATUS, _LETTERS, _COUNTED],
    ),
    Operation(
        "/v1/dead-letters",
        "get",
        "listDeadLetters",
        "Find executions that failed or ran out of time",
        [Answered(200, "A page.", finding_schema.DeadLetterPage)],
        [
            *CONDITIONS,
            _STATUS,
            in_query("state", "open (the default), retried or discarded, by commas."),
            _ORDER,
            LIMIT,
            CURSOR,
        ],
    ),
    Operation(
        "/v1/dead-letters/{execution_id}",
        "get",
        "getDeadLetter",
        "What failed, with which input, and the whole execution",
        [Answered(200, "The dead letter.", finding_schema.DeadLetter)],
        [ID],
        problems=(404,),
    ),
    Operation(
        "/v1/dead-letters/{execution_id}/retry",
        "post",
        "retryDeadLetter",
        "Start a new execution in its place, once",
        [
            Answered(201, "It was started.", finding_schema.Retried),
            Answered(200, "It was started by an earlier request.", finding_schema.Retried),
        ],
        [ID],
        finding_schema.RetryBody,
        (404, 409, 413, 415, 422, 429),
    ),
    Operation(
        "/v1/dead-letters/{execution_id}/discard",
        "post",
        "discardDeadLetter",
        "Take it off the list",
        [Answered(200, "It is discarded.", finding_schema.LetterAnswer)],
        [ID],
        finding_schema.DiscardBody,
        (404, 409, 413, 415),
    ),
    Operation(
        "/v1/dead-letters/{execution_id}/restore",
        "post",
        "restoreDeadLetter",
        "Put a discarded one back",
        [Answered(200, "It is open again.", finding_schema.LetterAnswer)],
        [ID],
        problems=(404, 409),
    ),
)
