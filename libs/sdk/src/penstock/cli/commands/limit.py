"""`penstock limit ...`: what limits hold back, and circuit breakers."""

from typing import Literal

from cyclopts import App

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import DataDir, Output, Url
from penstock.cli.output import print_table, print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.cli.texts import duration_text, node_text
from penstock.sdk.limits import Limit

app = App(
    name="limit", help="Show limits and who waits for them; circuit breakers.",
    help_format="plaintext",
)  # fmt: skip


@app.command(name="list")
def list_(*, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """List the limits in use: how much is taken, who holds and how many wait."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            report = await client.limits.list()
        if output != "table":
            print_value(report, output)
            return ExitCode.OK
        rows = [
            (one.kind, one.key, _taken(one), str(one.waiting), _held_by(one))
            for one in report.limits
        ]
        print_table(("KIND", "KEY", "TAKEN", "WAITING", "HELD BY"), rows, gives_way=("HELD BY",))
        return ExitCode.OK

    return run_command(work)


@app.command
def release(execution: str, *, url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Free what an execution holds under limits; whatever still runs then runs beside the limit.

    Parameters
    ----------
    execution
        Id of the execution.
    """

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            done = await client.limits.release(execution)
        print(f"freed {done.released}")
        return ExitCode.OK

    return run_command(work)


@app.command
def breakers(*, output: Output = "table", url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """List the circuit breakers that are known."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            report = await client.limits.breakers()
        if output != "table":
            print_value(report, output)
            return ExitCode.OK
        rows = [
            (one.key, one.state, f"{one.failures} of {one.failure_threshold}", str(one.waiting))
            for one in report.breakers
        ]
        print_table(("KEY", "STATE", "FAILURES", "WAITING"), rows)
        return ExitCode.OK

    return run_command(work)


@app.command
def trip(key: str, *, url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Open a circuit breaker.

    Parameters
    ----------
    key
        Its key, as `penstock limit breakers` shows it.
    """
    return _set(key, "trip", url, data_dir)


@app.command
def reset(key: str, *, url: Url = "", data_dir: DataDir = DATA_DIR) -> int:
    """Close a circuit breaker.

    Parameters
    ----------
    key
        Its key, as `penstock limit breakers` shows it.
    """
    return _set(key, "reset", url, data_dir)


def _set(key: str, action: Literal["trip", "reset"], url: Url, data_dir: DataDir) -> int:
    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            done = await client.limits.set_breaker(key, action)
            known = {one.key: one for one in (await client.limits.breakers()).breakers}
        now = known.get(done.key)
        print(f"{done.key}: {now.state if now is not None else done.action}")
        return ExitCode.OK

    return run_command(work)


def _taken(one: Limit) -> str:
    span = f" in {duration_text(one.per_s)}" if one.per_s else ""
    return f"{one.used} of {one.limit}{span}"


def _held_by(one: Limit) -> str:
    return ", ".join(
        f"{node_text(each.name, each.item)} {each.execution_id}" for each in one.holders[:5]
    )
