"""Operations on the effect ledger."""

from penstock.gateway.interface.operation import CURSOR, ID, LIMIT, Answered, Operation, in_query
from penstock.gateway.shapes.effects import EffectPage

EFFECT_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/executions/{execution_id}/effects",
        "get",
        "listEffects",
        "What the execution may have changed outside, attempt by attempt",
        [Answered(200, "A page, in plan order.", EffectPage)],
        [ID, in_query("node", "Only of this node."), LIMIT, CURSOR],
        problems=(404,),
    ),
)
