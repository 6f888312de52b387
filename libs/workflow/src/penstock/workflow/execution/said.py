"""Ids of what was asked of an execution, by which a request that comes again is known. Part of the
fold: what is forgotten follows from the journal alone, so that every coordinator forgets the
same."""

SAID_MAX = 1_000
"""Ids that are remembered of each kind of request: many times what comes while somebody still
repeats an unanswered one."""


class Said:
    """The newest ids; the oldest makes room. An id that comes again keeps its place."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def __contains__(self, id_: str) -> bool:
        return id_ in self._ids

    def note(self, id_: str) -> None:
        """This was asked; without an id it cannot be known again. O(1)."""
        if not id_:
            return
        self._ids[id_] = None
        if len(self._ids) > SAID_MAX:
            del self._ids[next(iter(self._ids))]
