"""More processes on the same machine: 1 coordinator, 1 worker and 1 state against 2, 4 and 2.

They get no more cores, so the best to hope for is the same total. Rounds of the two alternate, on
two clusters that run side by side, so that what else happens on the machine meets both. If that is
much, only the CPU time per node says anything: more processes get more of a crowded machine. Starts
spread over the coordinators, as the gateway spreads them.
"""

import asyncio
import os
import statistics
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import counters, flows, usage
from bench.load import apply
from bench.loader import Closed, Loader, open_loader
from bench.measuring import show
from penstock.embedded import Cluster, ClusterSettings, open_cluster
from penstock.embedded.ports import PortPool
from penstock.embedded.services import role_of, service_names

CHAIN = 10
IN_FLIGHT = 2_000
WARM_S = 1.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How many processes of each role."""

    coordinators: int
    workers: int
    states: int

    def __str__(self) -> str:
        return f"{self.coordinators}+{self.workers}+{self.states}"


ONE = Shape(1, 1, 1)
SHAPES = (ONE, Shape(2, 4, 2))

_BATCHES = {
    "inputs/turn": ("coordinator_turn_inputs_sum", "coordinator_turn_inputs_count"),
    "records/append": ("coordinator_records_total", "coordinator_append_seconds_count"),
    "rows/commit": ("state_journal_rows_total", "state_commits_total"),
    "tasks/message": ("coordinator_task_groups_total", "coordinator_task_messages_total"),
    "reports/message": ("coordinator_reports_total", "coordinator_report_messages_total"),
    "calls/crossing": ("sandbox_batch_calls_sum", "sandbox_batch_calls_count"),
}


def batches(grown: Counter[str]) -> dict[str, float]:
    """Mean batch sizes from what the services' counters grew by."""
    return {
        name: grown[f"penstock_{total}"] / (grown[f"penstock_{count}"] or 1)
        for name, (total, count) in _BATCHES.items()
    }


@dataclass
class Measured:
    """One cluster, its load generators, and what each round found."""

    cluster: Cluster
    loaders: list[Loader]
    metrics: Mapping[str, str]
    nodes_per_s: list[float] = field(default_factory=list)
    cpu_us: list[dict[str, float]] = field(default_factory=list)
    batches: list[dict[str, float]] = field(default_factory=list)

    async def round(self, seconds: float) -> None:
        """Ten-node chains at full speed."""
        in_flight = IN_FLIGHT // len(self.loaders)
        order = Closed(f"bench-chain{CHAIN}", in_flight, WARM_S, seconds)
        before = await counters.read_metrics(self.metrics)
        with usage.spending(self.cluster.pids) as spent:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(loader.ask(order)) for loader in self.loaders]
        found = [task.result() for task in running]
        nodes = sum(loaded.ended_in_all for loaded in found) * CHAIN
        by_role: dict[str, float] = {"load": sum(each.cpu_s for each in found) / nodes * 1e6}
        for name, us in spent.us_per(nodes).items():
            role = role_of(name)
            by_role[role] = by_role.get(role, 0.0) + us
        self.nodes_per_s.append(sum(loaded.per_second for loaded in found) * CHAIN)
        self.cpu_us.append(by_role)
        grown = Counter(await counters.read_metrics(self.metrics))
        grown.subtract(before)
        self.batches.append(batches(grown))

    def batch(self, name: str) -> float:
        """Size of a batch, median of the rounds."""
        return statistics.median(each.get(name, 0.0) for each in self.batches)

    @property
    def rate(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.nodes_per_s)

    def cost(self, role: str) -> float:
        """CPU microseconds per node of a role, in the cheapest round."""
        return self._cheapest[role]

    @property
    def _cheapest(self) -> dict[str, float]:
        return min(self.cpu_us, key=_whole)

    @property
    def total_cost(self) -> float:
        """CPU microseconds per node of the whole cluster, without the load, in the cheapest round:
        others on the machine only ever make it dearer."""
        return _whole(self._cheapest)


def _metrics_addresses(shape: Shape, first: int) -> dict[str, str]:
    """A port for the metrics of each process, by its name."""
    pool = PortPool(os.getpid() * 41 + 6_000 + first * 100)
    settings = ClusterSettings(
        states=shape.states, coordinators=shape.coordinators, workers=shape.workers
    )
    return {
        name: f"127.0.0.1:{pool.take()}"
        for name, role in service_names(settings).items()
        if role != "gateway"
    }


def _whole(cpu_us: Mapping[str, float]) -> float:
    return sum(cpu_us.values()) - cpu_us["load"]


@asynccontextmanager
async def open_shape(shape: Shape, folder: Path, *, segments: bool) -> AsyncIterator[Measured]:
    """A cluster of this shape under load."""
    addresses = _metrics_addresses(shape, int(folder.name))
    listens = {
        name: {f"PENSTOCK_{role_of(name).upper()}_METRICS_LISTEN": address}
        for name, address in addresses.items()
    }
    settings = ClusterSettings(
        data_dir=folder,
        states=shape.states,
        coordinators=shape.coordinators,
        workers=shape.workers,
        log_level="warning",
        service_env={"PENSTOCK_COORDINATOR_SEGMENTS": "true" if segments else "false"},
        process_env=listens,
    )
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(open_cluster(settings))
        await apply(cluster.coordinator_address, flows.chain(CHAIN))
        loaders = [
            await stack.enter_async_context(open_loader(address))
            for address in cluster.coordinator_addresses
        ]
        yield Measured(cluster, loaders, {f"{n}_METRICS_LISTEN": at for n, at in addresses.items()})


def _tell(name: str, shapes: Sequence[Shape], found: Sequence[Measured]) -> None:
    base = found[0]
    roles = sorted({role for each in found for role in each.cpu_us[0]}, key=lambda r: -base.cost(r))
    show(f"\n{name}: coordinators + workers + states, medians of {len(base.nodes_per_s)} rounds\n")
    show(f"{'':>10}{'nodes/s':>10}{'spread':>16}{'ratio':>7}{'us/node':>9}{'ratio':>7}")
    for shape, each in zip(shapes, found, strict=True):
        spread = f"{min(each.nodes_per_s):,.0f}-{max(each.nodes_per_s):,.0f}"
        show(
            f"{shape!s:>10}{each.rate:>10,.0f}{spread:>16}{each.rate / base.rate:>7.2f}"
            f"{each.total_cost:>9.1f}{each.total_cost / base.total_cost:>7.2f}"
        )
    show("\n" + f"{'us/node':>10}" + "".join(f"{role:>12}" for role in roles))
    for shape, each in zip(shapes, found, strict=True):
        show(f"{shape!s:>10}" + "".join(f"{each.cost(role):>12.1f}" for role in roles))
    names = found[0].batches[0]
    show("\n" + f"{'batch':>10}" + "".join(f"{name:>18}" for name in names))
    for shape, each in zip(shapes, found, strict=True):
        show(f"{shape!s:>10}" + "".join(f"{each.batch(name):>18.1f}" for name in names))


async def _compare(
    shapes: Sequence[Shape], seconds: float, rounds: int, *, segments: bool
) -> dict[str, float]:
    name = "segments" if segments else "dispatched"
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-scale-"))
        found = [
            await stack.enter_async_context(
                open_shape(shape, Path(scratch) / str(number), segments=segments)
            )
            for number, shape in enumerate(shapes)
        ]
        for _ in range(rounds):
            for each in found:
                await each.round(seconds)
        _tell(name, shapes, found)
    base, most = found[0], found[-1]
    return {
        f"topology_{name}_rate_ratio": most.rate / base.rate,
        f"topology_{name}_cpu_ratio": most.total_cost / base.total_cost,
    }


async def topology(seconds: float, rounds: int) -> dict[str, float]:
    """1 coordinator + 1 worker + 1 state against 2 + 4 + 2, on the same cores."""
    figures: dict[str, float] = {}
    for segments in (False, True):
        figures |= await _compare(SHAPES, seconds, rounds, segments=segments)
    return figures
