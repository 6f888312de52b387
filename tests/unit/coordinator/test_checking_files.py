"""Workflow files are checked one at a time; who comes when the line is full is to come again."""

import asyncio
import threading

import pytest

from penstock.common.errors import LimitExceeded
from penstock.coordinator.shell.starts.checking_files import WAITING_MAX, FileChecks


class Slow:
    """A check that lasts until it is let go; `most` is how many ran at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = 0
        self.most = 0

    def check(self, source: str) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        assert self.go.wait(20)
        self.running -= 1
        return source.upper()


@pytest.fixture
def checks():
    checks = FileChecks()
    yield checks
    checks.close()


async def put(checks: FileChecks, slow: Slow, count: int, source: str = "x") -> list:
    asked = [asyncio.ensure_future(checks.run(slow.check, source)) for _ in range(count)]
    await asyncio.sleep(0)
    return asked


async def test_one_file_is_checked_at_a_time_and_all_get_their_answer(checks):
    slow = Slow()
    asked = await put(checks, slow, 10)
    slow.go.set()
    assert await asyncio.gather(*asked) == ["X"] * 10
    assert slow.most == 1
    assert checks.waiting == 0


async def test_one_too_many_is_told_when_to_come_again(checks):
    slow = Slow()
    asked = await put(checks, slow, WAITING_MAX)
    with pytest.raises(LimitExceeded) as caught:
        await checks.run(slow.check, "x")
    assert caught.value.facts["retry_after_s"] == 2
    slow.go.set()
    await asyncio.gather(*asked)
    assert await checks.run(slow.check, "x") == "X"


async def test_the_line_is_full_of_large_files_sooner(checks):
    slow = Slow()
    asked = await put(checks, slow, 4, "x" * 4 * 1024 * 1024)
    with pytest.raises(LimitExceeded):
        await checks.run(slow.check, "x")
    slow.go.set()
    await asyncio.gather(*asked)


async def test_who_leaves_the_line_makes_room(checks):
    slow = Slow()
    asked = await put(checks, slow, WAITING_MAX)
    asked[-1].cancel()
    await asyncio.gather(asked[-1], return_exceptions=True)
    later = await put(checks, slow, 1)
    slow.go.set()
    assert await later[0] == "X"
    await asyncio.gather(*asked, return_exceptions=True)
