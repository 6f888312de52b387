"""Named SQL and migrations, as files."""

import pytest

from penstock.state.adapters.postgres.journal import commit_statement
from penstock.state.adapters.postgres.migrations import all_migrations
from penstock.state.adapters.postgres.queries import load_statements, split_statements

AREAS = ["journal", "leases", "executions", "workflows", "schedules"]


def test_statements_are_found_by_name():
    text = "\n-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT 2\n"
    assert split_statements(text) == {"one": "SELECT 1", "two": "-- why\nSELECT 2"}


@pytest.mark.parametrize("text", ["SELECT 1", "-- name: a\nSELECT 1\n-- name: a\nSELECT 2"])
def test_nameless_and_repeated_statements_are_refused(text):
    with pytest.raises(ValueError):
        split_statements(text)


@pytest.mark.parametrize("area", ["executions", "workflows"])
def test_every_read_is_restricted_to_an_account(area):
    for name, statement in load_statements(area).items():
        restricted = ("tenant = $", "tenant, name", "tenant = e.tenant")
        assert any(each in statement for each in restricted), name


@pytest.mark.parametrize("area", AREAS)
def test_statements_are_not_empty(area):
    assert all(load_statements(area).values())


def test_migrations_have_numbers_of_their_own():
    numbers = [m.number for m in all_migrations()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1


def test_the_parts_of_a_commit_number_their_parameters_one_after_the_other():
    sql = {"a": "x AS ($1, $2)", "b": "y AS ($2, $1, $10)", "commit_answer": "SELECT 1"}
    assert commit_statement(sql, ("a", "b")) == "WITH x AS ($1, $2), y AS ($4, $3, $12) SELECT 1"
