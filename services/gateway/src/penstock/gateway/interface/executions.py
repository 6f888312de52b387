"""Operations on executions: start, read, cancel, signal, watch."""

from penstock.gateway.interface.operation import (
    AFTER,
    ID,
    KEY,
    LAST,
    LIMIT,
    NAME,
    STREAM,
    WAIT,
    Answered,
    Operation,
    in_path,
    in_query,
)
from penstock.gateway.shapes import executions as schema

AT_SEQ = in_query("at_seq", "As it was after this event; excludes `at`.", "integer")
AT = in_query("at", "As it was at this instant, such as 2026-01-31T12:00:00Z.")
STARTED = (
    Answered(200, "It has ended (with `wait`), or a repeated start.", schema.Started),
    Answered(201, "It was started.", schema.Started),
    Answered(202, "It runs and the time to wait is up; see `Location`.", schema.Started),
)

EXECUTION_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/workflows/{name}/executions",
        "post",
        "startExecution",
        "Start an execution",
        STARTED,
        [NAME, WAIT, KEY],
        schema.StartBody,
        (404, 409, 413, 415, 422, 429),
    ),
    Operation(
        "/v1/executions",
        "post",
        "startAnyExecution",
        "Start an execution of the workflow named in the body",
        STARTED,
        [WAIT, KEY],
        schema.StartAnyBody,
        (404, 409, 413, 415, 422, 429),
    ),
    Operation(
        "/v1/executions/{execution_id}",
        "get",
        "getExecution",
        "One execution with its nodes, as it is now or was at a moment of its past",
        [Answered(200, "The execution.", schema.Execution)],
        [ID, AT_SEQ, AT],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/nodes/{node}",
        "get",
        "getNode",
        "One node of an execution with its output, however many outputs the execution has",
        [Answered(200, "The node.", schema.NodeState)],
        [ID, in_path("node", "Id of one of its nodes."), AT_SEQ, AT],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/cancel",
        "post",
        "cancelExecution",
        "End an execution",
        [Answered(200, "Where it stands now.", schema.Cancelled)],
        [ID],
        schema.CancelBody,
        (404, 413, 415),
    ),
    Operation(
        "/v1/executions/{execution_id}/signals/{name}",
        "post",
        "signalExecution",
        "Hand data to an execution",
        [Answered(200, "The signal is on disk.", schema.Signalled)],
        [ID, in_path("name", "The signal's name.")],
        schema.SignalBody,
        (404, 409, 413, 415),
    ),
    Operation(
        "/v1/executions/{execution_id}/history",
        "get",
        "getHistory",
        "The journal, in the form of the live events; a page ends early after 2 MiB",
        [Answered(200, "A page.", schema.HistoryPage)],
        [ID, AFTER, LIMIT],
        problems=(404,),
    ),
    Operation(
        "/v1/executions/{execution_id}/events",
        "get",
        "watchEvents",
        "Live events as server-sent events",
        [
            Answered(
                200,
                "A snapshot (or, with `after`, what follows it), then one message per event, its "
                "number as `id`, up to the last event.",
                None,
                STREAM,
            ),
            Answered(204, "The execution has ended and everything was seen."),
        ],
        [ID, AFTER, LAST],
        problems=(404, 429),
    ),
    Operation(
        "/v1/executions/{execution_id}/ws",
        "get",
        "watchSocket",
        "Live events over WebSocket, subprotocol penstock.v1.json",
        [Answered(101, "The messages of /events, one per frame, and heartbeats.")],
        [ID, AFTER],
        problems=(404, 429),
        extra={"x-websocket": {"subprotocol": "penstock.v1.json"}},
    ),
)
