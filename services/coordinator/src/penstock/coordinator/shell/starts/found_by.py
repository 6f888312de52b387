"""By what an execution can be found beyond its labels: parameters that its workflow marks with
`search: true`, and the executions it comes from."""

import msgspec

from penstock.workflow.execution.events import ExecutionStarted
from penstock.workflow.plan import Plan
from penstock.workflow.search.terms import delay_terms, link_term, param_terms


def terms_of(plan: Plan, started: ExecutionStarted) -> list[str]:
    """The terms to be kept with the first record. Parameters that are too large to be inline are
    not looked into."""
    found: list[str] = []
    if plan.searched and not started.params.digest:
        found += param_terms(plan.searched, msgspec.json.decode(started.params.json))
    options = started.options
    if options is not None:
        if options.not_before_us:
            found += delay_terms(options.not_before_us)
        if options.parent is not None:
            found.append(link_term("parent", options.parent.execution_id))
        if options.origin is not None:
            found.append(link_term("origin", options.origin.execution_id))
    return found
