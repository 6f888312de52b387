"""What people are asked by one execution. Part of the fold, but for the news."""

from typing import NamedTuple

from penstock.workflow.execution.events import NodeWaiting


class OpenTask(NamedTuple):
    """A task that waits for an answer, since when, and the attempt that asks."""

    wait: NodeWaiting
    opened_us: int


class OpenTasks:
    """Open tasks by key. `news` is what changed since somebody last took it, in order: the wait
    that asks, and when it began to; 0 if it asks no longer."""

    __slots__ = ("by_key", "news")

    def __init__(self) -> None:
        self.by_key: dict[int, OpenTask] = {}
        self.news: list[OpenTask] = []

    def open(self, key: int, wait: NodeWaiting, at_us: int) -> None:
        """Somebody is asked."""
        task = self.by_key[key] = OpenTask(wait, at_us)
        self.news.append(task)

    def close(self, key: int) -> None:
        """Nobody is asked any more."""
        task = self.by_key.pop(key, None)
        if task is not None:
            self.news.append(OpenTask(task.wait, 0))

    def close_all(self) -> None:
        """Nothing is waited for any more."""
        for key in list(self.by_key):
            self.close(key)

    def take_news(self) -> list[OpenTask]:
        """What changed since the last time."""
        news, self.news = self.news, []
        return news
