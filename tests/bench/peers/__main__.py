"""Side by side: the same work on Penstock and on other engines, on this machine, in this run.

`make bench-peers` runs all of it, within a quarter of an hour; `--only NAME` some of it. Engines
are installed below .penstock/peers, nothing else on the machine is changed. An engine that cannot
be had or goes wrong is told with the reason and does not stop the others. Figures go to
tests/bench/results/peers.json and between the marks in docs/performance.md. It asserts nothing.
"""

import os
import tempfile
import time
from pathlib import Path

from bench import command, report
from bench.peers import results
from bench.peers.bullmq.peer import BullMq
from bench.peers.celery.peer import Celery
from bench.peers.dbos.peer import Dbos
from bench.peers.measure import Plan, measure
from bench.peers.peer import Peer, Site, Unavailable, Way
from bench.peers.penstock.peer import Penstock
from bench.peers.prefect.peer import Prefect
from bench.peers.restate.peer import Restate

PEERS: tuple[Peer, ...] = (Penstock(), Dbos(), BullMq(), Celery(), Restate(), Prefect())
CACHE = Path(__file__).parents[3] / ".penstock" / "peers"


def say(text: str) -> None:
    """Progress."""
    print(text, flush=True)


def reason(error: BaseException) -> str:
    """What went wrong, on one line; of several things the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


async def compare_way(peer: Peer, way: Way, comparison: results.Comparison) -> None:
    """Start an engine, measure one way, stop the engine."""
    begun = time.monotonic()
    say(f"\n{way.label}")
    try:
        with tempfile.TemporaryDirectory(prefix="penstock-peers-") as scratch:
            async with peer.open(way, Site(CACHE, Path(scratch))) as running:
                found = await measure(running, way, comparison.plan, lambda text: say(f"  {text}"))
        comparison.found[way.name] = (way, found)
    except Exception as error:
        comparison.failed[way.label] = reason(error)
        say(f"  not measured: {reason(error)}")
    say(f"  {time.monotonic() - begun:.0f} s")


async def compare_peer(peer: Peer, only: list[str], comparison: results.Comparison) -> None:
    """Install an engine and measure its ways."""
    ways = [way for way in peer.ways if not only or {peer.name, way.name} & set(only)]
    if not ways:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="penstock-peers-") as scratch:
            versions = await peer.prepare(Site(CACHE, Path(scratch)))
    except Unavailable as error:
        comparison.failed[peer.name] = str(error)
        say(f"\n{peer.name} is not measured: {error}")
        return
    comparison.versions.update(versions)
    for way in ways:
        await compare_way(peer, way, comparison)


async def compare(only: list[str], plan: Plan, *, write: bool) -> None:
    """Measure everything, print, write."""
    begun = time.monotonic()
    busy, _five_minutes, _fifteen = os.getloadavg()
    comparison = results.Comparison(plan, versions=report.versions(), busy=busy)
    CACHE.mkdir(parents=True, exist_ok=True)
    for peer in PEERS:
        await compare_peer(peer, only, comparison)
    say(f"\nAll of it took {(time.monotonic() - begun) / 60:.1f} min.\n")
    say(results.as_text(comparison))
    if write and not only:
        results.write_json(comparison)
        results.write_page(comparison)


def main() -> None:
    """Parse the command line and run."""
    parser = command.parser("bench.peers", __doc__)
    names = [name for peer in PEERS for name in {peer.name: 0, **{w.name: 0 for w in peer.ways}}]
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=names,
        help="engines or ways of them; may be repeated (default: all)",
    )
    parser.add_argument("--seconds", type=command.seconds, default=2.5, help="length of each round")
    parser.add_argument(
        "--rounds", type=command.whole, default=5, help="rounds; the median is told"
    )
    parser.add_argument("--no-write", action="store_true", help="record nothing")
    given = parser.parse_args()
    plan = Plan(given.seconds, given.rounds)
    command.conduct("bench-peers", compare(given.only, plan, write=not given.no_write))


if __name__ == "__main__":
    main()
