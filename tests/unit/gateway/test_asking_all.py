"""One question to every coordinator."""

import pytest

from penstock.common.errors import Unavailable
from penstock.gateway.adapters.asking_all import ask_all


async def test_answers_come_in_the_order_of_the_addresses():
    async def ask(address: str) -> str:
        return address.upper()

    assert await ask_all(["a", "b", "c"], ask) == ["A", "B", "C"]


async def test_one_that_is_away_is_told_as_itself_and_not_as_a_group():
    async def ask(address: str) -> str:
        if address != "a":
            raise Unavailable(f"{address} is away.")
        return address

    with pytest.raises(Unavailable, match="b is away"):
        await ask_all(["a", "b", "c"], ask)


async def test_a_bug_stays_a_bug():
    async def ask(address: str) -> str:
        raise ZeroDivisionError(address)

    with pytest.raises(ExceptionGroup):
        await ask_all(["a"], ask)
