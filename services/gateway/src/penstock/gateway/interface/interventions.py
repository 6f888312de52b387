"""Operations by which people lay hands on executions."""

from penstock.gateway.interface.operation import ID, Answered, Operation, in_path
from penstock.gateway.shapes.interventions import (
    HandBody,
    Intervened,
    InterventionBody,
    Paused,
)

INTERVENTION_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/executions/{execution_id}/pause",
        "post",
        "pauseExecution",
        "Hand out nothing new of an execution until it is resumed",
        [Answered(200, "Where it stands now.", Paused)],
        [ID],
        HandBody,
        (404, 413, 415),
    ),
    Operation(
        "/v1/executions/{execution_id}/resume",
        "post",
        "resumeExecution",
        "End a pause",
        [Answered(200, "Where it stands now.", Paused)],
        [ID],
        HandBody,
        (404, 413, 415),
    ),
    Operation(
        "/v1/executions/{execution_id}/nodes/{node}/interventions",
        "post",
        "interveneNode",
        "Retry, skip, complete or fail a node by hand, or give it another input",
        [Answered(200, "Where it stands now.", Intervened)],
        [ID, in_path("node", "The node's id.")],
        InterventionBody,
        (404, 409, 413, 415),
    ),
)
