"""Every operating error survives the wire."""

import pytest

from penstock.common.errors import (
    InvalidWorkflow,
    PenstockError,
    classes_by_reason,
    from_facts,
    to_facts,
)


@pytest.mark.parametrize("cls", classes_by_reason().values(), ids=lambda cls: cls.reason)
def test_an_error_is_the_same_after_the_wire(cls: type[PenstockError]):
    error = cls("it broke", fix="mend it", place="here")
    again = from_facts(error.reason, error.message, to_facts(error))
    assert type(again) is cls
    assert (again.message, again.fix, again.facts) == ("it broke", "mend it", {"place": "here"})


def test_issues_travel_with_an_invalid_workflow():
    error = InvalidWorkflow(issues=[{"code": "X", "line": 3}])
    again = from_facts(error.reason, error.message, to_facts(error))
    assert isinstance(again, InvalidWorkflow)
    assert again.issues == [{"code": "X", "line": 3}]
    assert again.message == "The workflow file has errors."
