"""Checking workflow files in this process, with the node types installed here."""

from penstock.workflow.compile import check

from penstock.nodes import catalog
from penstock.sdk.models import Issue, Validation


def check_here(source: str) -> Validation:
    """Everything found in a file, as the server would tell it."""
    checked = check(source, catalog())
    issues = tuple(Issue(**issue.to_dict()) for issue in checked.issues)
    return Validation(checked.plan is not None, issues)
