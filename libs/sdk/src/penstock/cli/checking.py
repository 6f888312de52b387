"""Workflow files checked in this process, with the node types installed here; their schema."""

from typing import Any

from penstock.nodes import catalog
from penstock.sdk.models import Issue, Validation
from penstock.workflow.compile import check
from penstock.workflow.schema import flow_schema


def check_here(source: str) -> Validation:
    """Everything found in a file, as the server would tell it."""
    checked = check(source, catalog())
    issues = tuple(Issue(**issue.to_dict()) for issue in checked.issues)
    return Validation(checked.plan is not None, issues)


def schema_here() -> dict[str, Any]:
    """The JSON Schema of workflow files."""
    return flow_schema(catalog())
