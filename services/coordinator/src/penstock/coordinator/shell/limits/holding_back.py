"""Who has what a node waits for under a limit, and how many are before it: what the permit book
adds to the sentence of `limit_reasons`."""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice

from penstock.coordinator.limits.book import Limit
from penstock.coordinator.limits.permits import WHOLE, PermitId
from penstock.coordinator.limits.slots import Slots
from penstock.coordinator.shell.limits import limit_reasons
from penstock.coordinator.shell.limits.cluster_limits import ClusterLimits
from penstock.coordinator.shell.live import Live

_NAMED = 3
_ORDINALS = {1: "next", 2: "2nd in line", 3: "3rd in line"}


Places = Callable[[str], Mapping[PermitId, int]]
"""Who waits under a key, each with the place in its line from 1."""


class HoldingBack:
    """Knows more if the key is owned by this coordinator."""

    def __init__(self, limits: ClusterLimits) -> None:
        self._limits = limits

    def about(self, live: Live) -> Callable[[int], str | None]:
        """What to ask about the nodes of an execution: the sentence for one that waits for a
        permit, None for one that does not. Each line is put in order once."""
        places = cache(self._places)
        return lambda node: self._why(live, node, places)

    def _places(self, key: str) -> Mapping[PermitId, int]:
        limit = self._limits.book.find(key)
        line = limit.line if limit is not None else ()
        return {ask.permit: place for place, ask in enumerate(line, 1)}

    def _why(self, live: Live, node: int, places: Places) -> str | None:
        sentence = limit_reasons.why(live, node)
        permits = live.permits
        if sentence is None or permits is None:
            return sentence
        for each in (WHOLE, node):
            for permit, entry in permits.nodes.get(each, {}).items():
                if entry.at < len(entry.steps):
                    return sentence + self._more(permit, entry.steps[entry.at].key, places)
        return sentence

    def _more(self, permit: PermitId, key: str, places: Places) -> str:
        book = self._limits.book
        limit = book.find(key)
        if limit is None:
            return ""
        if not book.is_open(key):
            return " It has just changed hands and is counted anew."
        return _place(limit, places(key).get(permit, 0))


def _place(limit: Limit, place: int) -> str:
    """Who is before it; 0 if it is not in line."""
    turn = f" It is {_ORDINALS.get(place, f'{place}th in line')}." if place else ""
    if isinstance(limit, Slots) and limit.holders:
        first = [holding.ask for holding in islice(limit.holders.values(), _NAMED)]
        named = ", ".join(f"{ask.name} of {ask.permit.execution_id}" for ask in first)
        count = len(limit.holders)
        more = f" and {count - _NAMED} more" if count > _NAMED else ""
        return f" Held by {named}{more}.{turn}"
    return turn
