"""What a plan's limits mean for one attempt: which permits it needs, under which keys.

Keys are evaluated here, natively, from parameters and items alone: a limit must be decided before
any worker has the attempt. Order of the permits: a slot first, then the breaker, then the rate, so
that what has begun by the rate does begin.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from penstock.coordinator.limits.cluster_rates import ClusterRates
from penstock.coordinator.limits.permits import (
    Ask,
    BreakerRule,
    PermitId,
    RateRule,
    Rule,
    SlotRule,
    make_key,
)
from penstock.workflow.execution.values import NodeRef
from penstock.workflow.expressions import (
    NEEDS_SANDBOX,
    UNDEFINED,
    ExpressionFailed,
    Template,
    evaluate_native,
    parse_template,
    to_text,
)
from penstock.workflow.plan import NodePlan, Plan
from penstock.workflow.policies import Breaker, Concurrency, RateLimit

KEY_CHARS_MAX = 500
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#\s]+)", re.IGNORECASE)
_US_PER_S = 1_000_000


class BadKey(Exception):
    """A key has no value that could name a limit."""


class LimitKey(NamedTuple):
    """One limit of a plan: its rule, and the text that tells whom it is shared with. `shared`: by
    all accounts."""

    kind: str
    text: Template
    rule: Rule
    shared: bool = False


class PlanLimits:
    """The limits of a plan, taken apart once: of the execution as a whole, and by node. `own_way`:
    its workers may go on to next nodes, because what is set for all concerns none of them."""

    def __init__(self, plan: Plan, tenant: str = "", rates: ClusterRates | None = None) -> None:
        self.whole = tuple(_whole(plan))
        self.nodes = {node.index: tuple(_of_node(plan, node)) for node in plan.nodes if node.gated}
        self.own_way = True
        if rates is not None:
            self._put_under(plan, tenant, rates)
        self.fenced = plan.concurrency is not None
        self.fenced_nodes = frozenset(n.index for n in plan.nodes if n.concurrency is not None)

    def _put_under(self, plan: Plan, tenant: str, rates: ClusterRates) -> None:
        for node in plan.nodes:
            found = rates.applying(tenant, node.uses)
            if found:
                keys = tuple(
                    LimitKey(each.kind, parse_template(each.text), each.rule, each.shared)
                    for each in found
                )
                self.nodes[node.index] = (*self.nodes.get(node.index, ()), *keys)
                self.own_way = False

    def reads(self, node: int | None) -> frozenset[str]:
        """Which of `params` and `item` the keys of a node, or of the whole, read."""
        keys = self.whole if node is None else self.nodes.get(node, ())
        sources = " ".join(e.source for key in keys for e in key.text.expressions)
        return frozenset(name for name in ("params", "item") if name in sources)


def limits_of(plan: Plan, tenant: str, rates: ClusterRates | None) -> PlanLimits | None:
    """The limits of this plan for an account, None if there are none; built at the first call and
    kept with the plan object."""
    if rates is None and not plan.gated:
        return None
    name = "limits" if rates is None else f"limits {tenant}"
    found = plan.__dict__.get(name)
    if not isinstance(found, PlanLimits):
        found = plan.__dict__[name] = PlanLimits(plan, tenant, rates)
    return found if found.whole or found.nodes else None


def is_fenced(limits: PlanLimits, refs: Sequence[NodeRef]) -> bool:
    """True if a worker must not go on with one of these attempts once it has lost its coordinator:
    a slot is given to somebody else then."""
    return limits.fenced or any(ref.node in limits.fenced_nodes for ref in refs)


def _whole(plan: Plan) -> Iterator[LimitKey]:
    if plan.concurrency is not None:
        yield _slots(plan.concurrency, plan.name)
    if plan.rate_limit is not None:
        yield _rate(plan.rate_limit, plan.name)


def _of_node(plan: Plan, node: NodePlan) -> Iterator[LimitKey]:
    own = f"{plan.name}/{node.id}"
    if node.concurrency is not None:
        yield _slots(node.concurrency, own)
    if node.breaker is not None:
        yield _breaker(node.breaker, node, own)
    if node.rate_limit is not None:
        yield _rate(node.rate_limit, own)


def _slots(policy: Concurrency, own: str) -> LimitKey:
    rule = SlotRule(policy.limit, policy.on_full)
    return LimitKey("concurrency", parse_template(policy.key or own), rule)


def _rate(policy: RateLimit, own: str) -> LimitKey:
    rule = RateRule(policy.limit, max(1, round(policy.per_s * _US_PER_S)))
    return LimitKey("rate", parse_template(policy.key or own), rule)


def _breaker(policy: Breaker, node: NodePlan, own: str) -> LimitKey:
    rule = BreakerRule(
        policy.failure_threshold,
        policy.success_threshold,
        round(policy.timeout_s * _US_PER_S),
        policy.on_open,
    )
    text = policy.key or f"{node.uses} {_host_of(node) or own}"
    return LimitKey("breaker", parse_template(text), rule)


def _host_of(node: NodePlan) -> str:
    """The host that a node's `url` names, with what stands in `${{ }}` there if that can be
    evaluated here; empty if there is none."""
    url = node.config.get("url")
    found = _HOST.match(url) if isinstance(url, str) else None
    host = found.group(1) if found else ""
    try:
        simple = all(expression.native for expression in parse_template(host).expressions)
    except ValueError:
        return ""
    return host if simple and "nodes" not in host and "input" not in host else ""


def render(template: Template, scope: Mapping[str, Any]) -> str:
    """The text of a key. Raises `BadKey`."""
    parts: list[str] = []
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        try:
            value = evaluate_native(part, scope)
        except ExpressionFailed as failed:
            raise BadKey(f"`{part.source}`: {failed}") from None
        if value is NEEDS_SANDBOX or value is UNDEFINED or isinstance(value, dict | list | None):
            raise BadKey(f"`{part.source}` gives no text, number or truth value")
        parts.append(to_text(value))
    text = "".join(parts)
    if len(text) > KEY_CHARS_MAX:
        raise BadKey(f"it is {len(text)} characters long; the limit is {KEY_CHARS_MAX}")
    return text


class Asker(msgspec.Struct, frozen=True):
    """On whose behalf permits are asked for."""

    tenant: str
    name: str
    urgency: int
    since_us: int
    epoch: int


def asks_of(
    keys: tuple[LimitKey, ...], permit: PermitId, asker: Asker, scope: Mapping[str, Any]
) -> tuple[Ask, ...]:
    """The permits needed, in the order to ask for them. Raises `BadKey`."""
    return tuple(
        Ask(
            permit,
            make_key(key.kind, "" if key.shared else asker.tenant, render(key.text, scope)),
            key.rule,
            asker.urgency,
            asker.since_us,
            asker.epoch,
            asker.name,
        )
        for key in keys
    )
