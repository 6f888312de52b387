"""/v1/executions/{id}/effects: what an execution may have changed outside."""

from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from penstock.api.workflow.v1 import effect_service_pb2 as api
from penstock.gateway.http.answers import json_answer
from penstock.gateway.http.execution_names import execution_id_of
from penstock.gateway.http.requests import AnyRequest, page_size, query_of, tenant_of
from penstock.gateway.ports.doors import doors_of
from penstock.gateway.shapes.effects import Effect, EffectAttempt, EffectPage
from penstock.gateway.views.executions import instant_or_none, item_of

_LIST = frozenset({"node", "limit", "cursor"})
_OUTCOMES = {
    number: name.removeprefix("EFFECT_OUTCOME_").lower()
    for name, number in api.EffectOutcome.items()
}


@get("/v1/executions/{execution_id:str}/effects")
async def list_effects(request: AnyRequest, execution_id: FromPath[str]) -> ASGIApp:
    """A page of the effect ledger, in plan order."""
    query = query_of(request, _LIST)
    command = api.ListEffectsRequest(
        execution_id=execution_id_of(request, execution_id),
        node=query.get("node", ""),
        page_size=page_size(query.get("limit")),
        page_token=query.get("cursor", ""),
    )
    answer = await doors_of(request).effects.effects(command, tenant_of(request))
    items = tuple(map(_shown, answer.effects))
    return json_answer(EffectPage(items, answer.next_page_token or None))


def _shown(effect: api.Effect) -> Effect:
    return Effect(
        node=effect.node,
        item=item_of(effect.item),
        effects=effect.effects,
        idempotency_key=effect.idempotency_key,
        attempts=tuple(
            EffectAttempt(
                each.attempt,
                _OUTCOMES[each.outcome],
                instant_or_none(each.at_unix_us),
                each.worker,
                each.note,
            )
            for each in effect.attempts
        ),
    )


EFFECT_ROUTES = (list_effects,)
