"""Scale, shown: `make bench-scale` runs all of it, `--only NAME` some. Prints tables, asserts
nothing, leaves nothing behind."""

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bench.scale.store import store

Measure = Callable[[argparse.Namespace], Coroutine[Any, Any, None]]

MEASURES: dict[str, Measure] = {
    "store": lambda given: store(given.executions),
}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=MEASURES)
    parser.add_argument(
        "--executions", type=int, default=1_000_000, help="finished ones that `store` writes"
    )
    given = parser.parse_args()
    for name, measure in MEASURES.items():
        if not given.only or name in given.only:
            print(f"\n{name}", flush=True)
            asyncio.run(measure(given))


if __name__ == "__main__":
    main()
