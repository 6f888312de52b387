"""One cluster under measurement, and what was found on it so far."""

import asyncio
import statistics
from dataclasses import dataclass, field

from bench import counters
from bench.hops import Hops, hops_between, middle, take_snapshot
from bench.loader import Loaded, Loader, Order
from bench.starts import LoadFailed
from penstock.embedded import Cluster

_DRAIN_S = 60.0
_POLL_S = 0.05


def show(text: str) -> None:
    """A line of progress, seen at once."""
    print(text, flush=True)


@dataclass
class Bench:
    """`rounds` holds every figure's values, one for each round; the figure is their median.
    `hops` holds the budget of each round of a throughput."""

    cluster: Cluster
    loader: Loader
    metrics: dict[str, str]
    seconds: float
    rounds_wanted: int
    rounds: dict[str, list[float]] = field(default_factory=dict)
    hops: dict[str, list[Hops]] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """The median of each figure's rounds."""
        return {name: round(statistics.median(each), 2) for name, each in self.rounds.items()}

    @property
    def budgets(self) -> dict[str, Hops]:
        """The median budget of each throughput."""
        return {name: middle(found) for name, found in self.hops.items()}

    def add(self, name: str, value: float) -> None:
        """One round's value of a figure."""
        self.rounds.setdefault(name, []).append(round(value, 2))

    def tell(self, name: str) -> None:
        """Show how a figure stands."""
        values = self.rounds[name]
        line = f"    {name} {len(values)}/{self.rounds_wanted}: {values[-1]:,.2f}"
        if len(values) > 1:
            line += f"   median so far {statistics.median(values):,.2f}"
        show(line)

    async def load(self, order: Order) -> Loaded:
        """Have the load generator work."""
        return await self.loader.ask(order)

    async def load_with_budget(self, name: str, order: Order, nodes: int) -> Loaded:
        """The same, and account for what each node (`nodes` per execution) costs at every hop."""
        pids = self.cluster.pids | {"load": self.loader.pid}
        url = self.cluster.database_url
        before = await take_snapshot(pids, self.metrics, url, ending=False)
        loaded = await self.loader.ask(order)
        after = await take_snapshot(pids, self.metrics, url, ending=True)
        hops = hops_between(before, after, loaded.ended_in_all * nodes, loaded.cpu_s)
        self.hops.setdefault(name, []).append(hops)
        of_engine = sum(us for role, us in hops.cpu_us.items() if role != "load")
        self.add(f"{name}_cpu_us", of_engine)
        return loaded

    async def live_executions(self) -> int:
        """How many the coordinator holds now."""
        found = await counters.read_metrics(self.metrics)
        return int(found["penstock_coordinator_executions"])

    async def drained(self) -> None:
        """Wait until nothing runs. Raises `LoadFailed` if that takes a minute."""
        if not self.metrics:
            return
        try:
            async with asyncio.timeout(_DRAIN_S):
                while await self.live_executions():
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise LoadFailed("executions that were started do not end") from None

    async def check(self) -> None:
        """Raises `LoadFailed` if an execution ended badly or a process died: the figures would be
        lies."""
        await self.drained()
        if bad := await counters.count_bad_ends(self.cluster.database_url):
            raise LoadFailed(f"{bad} executions ended badly")
        if died := {name: count for name, count in self.cluster.restarts.items() if count}:
            raise LoadFailed(f"processes were started again: {died}")
