"""Who has what a node waits for under a limit, and how many are before it: what the permit book
adds to the sentence of `limit_reasons`."""

from penstock.coordinator.limits.book import Limit
from penstock.coordinator.limits.permits import WHOLE, PermitId
from penstock.coordinator.limits.slots import Slots
from penstock.coordinator.shell.limits import limit_reasons
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.live import Live

_NAMED = 3
_ORDINALS = {1: "next", 2: "2nd in line", 3: "3rd in line"}


class HoldingBack:
    """Knows more if the key is owned by this coordinator."""

    def __init__(self, limits: ClusterLimits) -> None:
        self._limits = limits

    def why(self, live: Live, node: int) -> str | None:
        """The sentence for a node that waits for a permit; None if it does not."""
        sentence = limit_reasons.why(live, node)
        permits = live.permits
        if sentence is None or permits is None:
            return sentence
        for each in (WHOLE, node):
            for permit, entry in permits.nodes.get(each, {}).items():
                if entry.at < len(entry.steps):
                    return sentence + self._more(permit, entry.steps[entry.at].key)
        return sentence

    def _more(self, permit: PermitId, key: str) -> str:
        book = self._limits.book
        limit = book.find(key)
        if limit is None:
            return ""
        if not book.is_open(key):
            return " It has just changed hands and is counted anew."
        return _place(limit, permit)


def _place(limit: Limit, permit: PermitId) -> str:
    """Who is before it."""
    place = next((n for n, ask in enumerate(limit.line, 1) if ask.permit == permit), 0)
    turn = f" It is {_ORDINALS.get(place, f'{place}th in line')}." if place else ""
    if isinstance(limit, Slots) and limit.holders:
        holders = [holding.ask for holding in limit.holders.values()]
        named = ", ".join(f"{ask.name} of {ask.permit.execution_id}" for ask in holders[:_NAMED])
        more = f" and {len(holders) - _NAMED} more" if len(holders) > _NAMED else ""
        return f" Held by {named}{more}.{turn}"
    return turn
