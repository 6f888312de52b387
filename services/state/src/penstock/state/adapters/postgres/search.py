"""Searches in PostgreSQL: which index to go through, and how far.

A search walks one index in the order of its answer and checks every execution it meets, so what it
costs is how many it meets. Two things keep that small. Of the ways in that a query allows (its
labels, statuses, workflow ...) the one with the fewest executions is taken, found by counting each
up to a thousand. And a page ends after some ten thousand steps even if it is not full: its place
tells where the next one goes on. So no request runs long, however little it finds.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.finding.ports import FoundPage, FoundRow, LetterRow, Place
from penstock.state.ports import ExecutionRow
from penstock.workflow.execution.values import ExecutionStatus
from penstock.workflow.search.query import ALWAYS, DEAD_STATUSES, LETTERS, Query

STEPS_MAX = 20_000
"""Executions that one page may meet: some tenths of a second."""
COUNT_STEPS_MAX = 200_000
_FIRST_STEPS = 1_000
_COMPARED_MAX = 1_000
_ROW_FIELDS = len(ExecutionRow._fields)
_RUNNING, _COMPLETED = int(ExecutionStatus.RUNNING), int(ExecutionStatus.COMPLETED)

_NO_STATUS = 0
"""What no execution has: where conditions exclude each other."""


class Way(NamedTuple):
    """A way in: a statement of `search.sql`, once for each of the values. `exact` if that leaves
    nothing of the query to be checked."""

    name: str
    values: tuple[Any, ...]
    exact: bool = False


class Part(NamedTuple):
    """Some steps along a way: after a place, until another one if that is known."""

    way: Way
    after: Place | None
    until: Place | None
    steps: int
    newest: bool = True


def ways_in(query: Query) -> list[Way]:
    """Every index that holds all executions which the query fits."""
    possible = query.possible_statuses
    only = _conditions_beside_time(query)
    found = [Way("by_term", group, only == 1) for group in (*query.tags, *query.terms)]
    if query.ids:
        found.append(Way("by_id", query.ids))
    if query.workflows:
        found.append(Way("by_workflow", query.workflows, only == 1))
    if possible == {_RUNNING} and query.asks_for_paused:
        found.append(Way("by_pause", (1,)))
    elif possible == {_RUNNING}:
        found.append(Way("by_life", (1,), only == 1))
    elif _COMPLETED not in possible and _RUNNING not in possible:
        statuses = tuple(sorted(possible)) or (_NO_STATUS,)
        found.append(Way("by_bad_end", statuses, only == 1 and bool(query.statuses)))
    if query.letters == ("open",):
        found.append(Way("by_open_letter", (0,), only == 1))
    return found or [Way("by_start", (None,), only == 0)]


def _conditions_beside_time(query: Query) -> int:
    parts = (query.workflows, query.versions, query.statuses, query.ids, query.reasons,
             query.failed_nodes, query.letters)  # fmt: skip
    others = sum(map(bool, parts)) + len(query.tags) + len(query.terms)
    return others + (2 if query.ended != ALWAYS else 0)


class _Text:
    """A statement being put together, and its parameters."""

    def __init__(self, sql: Any, tenant: str, *, newest: bool) -> None:
        self._sql = sql
        self.values: list[Any] = [tenant]
        self.order = "DESC" if newest else "ASC"

    def value(self, value: Any, kind: str) -> str:
        """A parameter, as the statement names it."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

    def bounds(self, query: Query, after: Place | None, until: Place | None) -> str:
        """The part of the walk between two places, the second included."""
        ahead, up_to = ("<", ">=") if self.order == "DESC" else (">", "<=")
        parts = []
        if query.started.from_us:
            parts.append(f"started_us >= {self.value(query.started.from_us, 'bigint')}")
        if query.started.before_us:
            parts.append(f"started_us < {self.value(query.started.before_us, 'bigint')}")
        for place, sign in ((after, ahead), (until, up_to)):
            if place is not None:
                key = f"{self.value(place[0], 'bigint')}, {self.value(place[1], 'text')}"
                parts.append(f"(started_us, execution_id) {sign} ({key})")
        return " AND ".join(parts) or "true"

    def walk(self, way: Way, bounds: str, steps: int) -> str:
        """The steps through an index, or through several merged."""
        ways = []
        for each in way.values:
            kind = {"by_bad_end": "smallint", "by_life": "int", "by_open_letter": "int",
                    "by_pause": "int"}  # fmt: skip
            value = "" if each is None else self.value(each, kind.get(way.name, "text"))
            text = self._sql[way.name].replace("{value}", value).replace("{bounds}", bounds)
            ways.append(self._sql["walk_one"].replace("{way}", text))
        joined = "\nUNION ALL\n".join(ways)
        return joined.replace("{steps}", str(steps)).replace("{order}", self.order)

    def put(self, name: str, **words: Any) -> str:
        """A statement of `search.sql` with its words put in."""
        text = self._sql[name].replace("{order}", self.order)
        for word, put in words.items():
            text = text.replace(f"{{{word}}}", str(put))
        return str(text)

    def _status_condition(self, query: Query) -> str:
        kept = f"e.status = ANY ({self.value(list(query.statuses), 'smallint[]')})"
        return f"({kept} OR {self.put('is_paused')})" if query.asks_for_paused else kept

    def conditions(self, query: Query) -> str:
        """What an execution that is met must fulfil."""
        parts: list[str] = []
        for values, column, kind in (
            (query.workflows, "workflow", "text[]"),
            (query.versions, "version", "int[]"),
            (query.ids, "execution_id", "text[]"),
            (query.reasons, "failure_reason", "text[]"),
        ):
            if values:
                parts.append(f"e.{column} = ANY ({self.value(list(values), kind)})")
        if query.statuses:
            parts.append(self._status_condition(query))
        parts += [f"e.tags && {self.value(list(group), 'text[]')}" for group in query.tags]
        if query.unbegun:
            parts.append(self.put("is_unbegun"))
        for group in query.terms:
            parts.append(self.put("has_term", value=self.value(list(group), "text[]")))
        if query.ended != ALWAYS:
            parts.append(f"e.finished_us >= {self.value(max(1, query.ended.from_us), 'bigint')}")
            if query.ended.before_us:
                parts.append(f"e.finished_us < {self.value(query.ended.before_us, 'bigint')}")
        if query.failed_nodes:
            nodes = self.value(list(query.failed_nodes), "text[]")
            parts.append(self.put("has_bad_end", check=f"b.failed_node = ANY ({nodes})"))
        if query.letters:
            states = self.value([LETTERS.index(each) for each in query.letters], "smallint[]")
            check = f"b.status IN (3, 5) AND b.letter = ANY ({states})"
            parts.append(self.put("has_bad_end", check=check))
        return "".join(f"\n  AND {part}" for part in parts)


class PostgresSearch:
    """Implements `SearchStore`."""

    def __init__(self, database: Database, steps_max: int = STEPS_MAX) -> None:
        self._database = database
        self._sql = load_statements("search")
        self._steps_max = steps_max

    async def page(
        self, tenant: str, query: Query, place: Place | None, limit: int, *, newest: bool
    ) -> FoundPage:
        """A page, found within a bounded number of steps."""
        async with self._database.session() as session:
            way = await self._best_way(session, tenant, query)
            if way.exact:
                part = Part(way, place, None, limit, newest)
                rows = await self._found(session, tenant, query, part, limit)
                return FoundPage(rows, _place_of(rows) if len(rows) == limit else None)
            rows, taken, steps = [], 0, _FIRST_STEPS
            while True:
                until = await self._end(
                    session, tenant, query, Part(way, place, None, steps, newest)
                )
                part = Part(way, place, until, steps, newest)
                rows += await self._found(session, tenant, query, part, limit - len(rows))
                if len(rows) == limit:
                    return FoundPage(rows, _place_of(rows))
                taken += steps
                if until is None or taken >= self._steps_max:
                    return FoundPage(rows, until)
                place, steps = until, min(steps * 4, self._steps_max - taken)

    async def _found(
        self, session: asyncpg.Connection, tenant: str, query: Query, part: Part, limit: int
    ) -> list[FoundRow]:
        text = _Text(self._sql, tenant, newest=part.newest)
        walk = text.walk(part.way, text.bounds(query, part.after, part.until), part.steps)
        conditions = text.conditions(query)
        found = text.put("found", walk=walk, conditions=conditions, limit=limit)
        met = await session.fetch(text.put("as_of_now", found=found), *text.values)
        return [_found_row(row) for row in met]

    async def count(self, tenant: str, query: Query, most: int) -> tuple[int, bool]:
        """How many there are, up to `most`."""
        counted, taken, steps = 0, 0, _FIRST_STEPS
        place: Place | None = None
        async with self._database.session() as session:
            way = await self._best_way(session, tenant, query)
            while True:
                until = await self._end(session, tenant, query, Part(way, place, None, steps))
                text = _Text(self._sql, tenant, newest=True)
                walk = text.walk(way, text.bounds(query, place, until), steps)
                conditions, limit = text.conditions(query), most - counted + 1
                found = text.put("found", walk=walk, conditions=conditions, limit=limit)
                counted += await session.fetchval(
                    f"SELECT count(*) FROM ({found}) met", *text.values
                )
                taken += steps
                if counted > most or until is None or taken >= COUNT_STEPS_MAX:
                    return min(counted, most), until is None and counted <= most
                place, steps = until, min(steps * 4, STEPS_MAX)

    async def _best_way(self, session: asyncpg.Connection, tenant: str, query: Query) -> Way:
        """The way in with the fewest executions, as far as they were counted."""
        ways = ways_in(query)
        if len(ways) == 1:
            return ways[0]
        sizes = []
        for way in ways:
            text = _Text(self._sql, tenant, newest=True)
            walk = text.walk(way, text.bounds(query, None, None), _COMPARED_MAX)
            statement = text.put("size_of_way", walk=walk, steps=_COMPARED_MAX)
            sizes.append(await session.fetchval(statement, *text.values))
        return ways[min(range(len(ways)), key=sizes.__getitem__)]

    async def _end(
        self, session: asyncpg.Connection, tenant: str, query: Query, part: Part
    ) -> Place | None:
        """The place where the steps end; None if the index ends before."""
        text = _Text(self._sql, tenant, newest=part.newest)
        walk = text.walk(part.way, text.bounds(query, part.after, None), part.steps)
        row = await session.fetchrow(
            text.put("end_of_walk", walk=walk, steps=part.steps), *text.values
        )
        return None if row is None else (row[0], row[1])


def _place_of(rows: Sequence[FoundRow]) -> Place:
    return rows[-1].row.started_us, rows[-1].row.execution_id


def _found_row(row: Sequence[Any]) -> FoundRow:
    known = ExecutionRow(*tuple(row)[:_ROW_FIELDS])
    failed_node, letter, reason, settled_us, retried_as = tuple(row)[_ROW_FIELDS:]
    if known.status not in DEAD_STATUSES:
        return FoundRow(known, failed_node or "")
    state = LETTERS[letter or 0]
    return FoundRow(
        known, failed_node or "", LetterRow(state, reason or "", settled_us or 0, retried_as or "")
    )
