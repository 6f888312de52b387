"""Computed ids of starts: accounts never meet, whatever they are called (I13)."""

import pytest

from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.common.ids import keyed_ulid
from penstock.coordinator.shell.starts.start_ids import under_of


def keyed(tenant: str, workflow: str, key: str) -> str:
    request = StartExecutionRequest(workflow=workflow, idempotency_key=key)
    return under_of(tenant, request).execution_id


def chosen(tenant: str, name: str) -> str:
    request = StartExecutionRequest(workflow="w")
    request.options.execution_id = name
    return under_of(tenant, request).execution_id


def test_a_key_of_an_account_called_id_does_not_meet_a_chosen_id():
    assert keyed("id", "blue", "order-42") != chosen("blue", "order-42")


@pytest.mark.parametrize("family", ["run", "child", "on_failure", "on_retry", "backfill"])
def test_a_key_of_an_account_called_as_a_family_does_not_meet_its_ids(family):
    assert keyed(family, "blue", "x\x1f1") != keyed_ulid(family, "blue", "x", "1")


def test_keyed_starts_of_other_accounts_keep_the_ids_they_have_always_had():
    assert keyed("blue", "w", "k") == keyed_ulid("blue", "w", "k")
