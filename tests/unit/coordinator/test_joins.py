"""Joined outputs: stored though the store stumbles; given up only when it refuses for good."""

import asyncio

import pytest

from penstock.common.errors import Internal, Unavailable
from penstock.coordinator.core.commands import StoreOutput
from penstock.coordinator.core.inputs import OutputRefused, OutputStored
from penstock.coordinator.shell.joins import StoredJoins
from penstock.workflow.execution.values import Payload

PARTS = (Payload(b"1"), Payload(digest="d", size=3), Payload(b"3"))


class Store:
    """Fails with what it was told to, then works."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.stored: list[bytes] = []

    async def get(self, tenant: str, digest: str) -> bytes:
        if self.faults:
            raise self.faults.pop(0)
        return b'"d"'

    async def put(self, tenant: str, json: bytes) -> Payload:
        self.stored.append(json)
        return Payload(b"", "joined", len(json))


class Running:
    """As much of a live execution as a join looks at."""

    id = "E"
    tenant = "blue"
    gone = False


async def joined(store: Store) -> OutputStored | OutputRefused:
    fed: list[OutputStored | OutputRefused] = []
    async with asyncio.TaskGroup() as tasks:
        joins = StoredJoins(store, tasks)
        joins.feed_back = lambda live, back: fed.append(back)
        joins.store(Running(), StoreOutput(4, PARTS))
    assert len(fed) == 1
    return fed[0]


@pytest.mark.parametrize("faults", [[], [Unavailable()], [Unavailable(), Unavailable()]])
async def test_a_store_that_stumbles_is_asked_again(faults: list[Exception]):
    store = Store(*faults)
    back = await joined(store)
    assert isinstance(back, OutputStored)
    assert (back.node, back.output.digest) == (4, "joined")
    assert store.stored == [b'[1,"d",3]']


async def test_a_refusal_for_good_is_told_to_the_core_and_ends_nothing_else():
    back = await joined(Store(Internal("damaged")))
    assert isinstance(back, OutputRefused)
    assert (back.failure.error_class, back.failure.message) == ("system", "damaged")
