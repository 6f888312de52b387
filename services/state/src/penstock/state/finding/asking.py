"""Reading a query as it was asked: its findings as an error, and the parameters it names compared
with what workflows say."""

from functools import partial

import msgspec

from penstock.common.errors import InvalidQuery
from penstock.common.ids import execution_ulid
from penstock.state.ports import WorkflowStore
from penstock.workflow.issues import Issue, to_dicts
from penstock.workflow.search.query import Query
from penstock.workflow.search.reading import read_query
from penstock.workflow.search.terms import param_path, searched_paths

_WORKFLOWS_MAX = 20
_FIX = "Mend the condition at the column, counted from 1."


def understood(text: str, now_us: int, tenant: str) -> Query:
    """The query a text stands for. Raises `InvalidQuery` with all findings."""
    query, issues = read_query(text, now_us, partial(execution_ulid, tenant))
    if issues:
        first = issues[0]
        message = f"the query cannot be understood, column {first.column}: {first.message}"
        raise InvalidQuery(message, issues=to_dicts(issues), fix=first.fix or _FIX)
    return query


async def refuse_unsearched(workflows: WorkflowStore, tenant: str, query: Query) -> None:
    """Raise `InvalidQuery` if a parameter is asked for that none of the named workflows marks as
    searched: such a query would find nothing and look like an answer."""
    asked = {path for group in query.terms for term in group if (path := param_path(term))}
    if not asked or not query.workflows:
        return
    marked: set[str] = set()
    for name in query.workflows[:_WORKFLOWS_MAX]:
        found = await workflows.find(tenant, name, 0)
        if found is None:
            return
        schema = msgspec.json.decode(found.params_schema_json or b"{}")
        marked |= {".".join(path) for path in searched_paths(schema)}
    unsearched = sorted(asked - marked)
    if not unsearched:
        return
    named = ", ".join(query.workflows[:3])
    fix = f"mark it with `search: true` in the workflow; {_listed(marked)}"
    issues = [
        Issue("UNSEARCHED_PARAM", "error", 1, 0, "q", message, fix)
        for path in unsearched
        if (message := f"The parameter `{path[:60]}` of {named} is not searched.")
    ]
    raise InvalidQuery(issues[0].message, issues=to_dicts(issues), fix=fix)


def _listed(marked: set[str]) -> str:
    return f"searched are {', '.join(sorted(marked))}" if marked else "none is searched now"
