"""Refusals as users of the client meet them."""

from penstock.sdk import InvalidParamsError, InvalidWorkflowError
from penstock.sdk.errors import error_of
from penstock.sdk.models import Issue, Problem


def test_parameters_that_do_not_fit_are_told_with_every_finding():
    found = (Issue(path="n", message="a number is wanted"), Issue(path="m", message="is missing"))
    problem = Problem(status=422, code="INVALID_PARAMS", detail="they do not fit", errors=found)
    error = error_of(problem)
    assert type(error) is InvalidParamsError
    assert str(error) == "they do not fit\n  n: a number is wanted\n  m: is missing"


def test_a_file_with_errors_is_another_class():
    error = error_of(Problem(status=422, code="INVALID_WORKFLOW", detail="no"))
    assert type(error) is InvalidWorkflowError
