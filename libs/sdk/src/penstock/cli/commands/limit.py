"""`penstock limit ...`: what limits hold back, and circuit breakers."""

from typing import Literal

from cyclopts import App

from penstock.cli.call import CALL, Call
from penstock.cli.output import print_table
from penstock.cli.problems import with_exit_code
from penstock.cli.session import SERVER, Server
from penstock.cli.texts import duration_text, node_text
from penstock.sdk.limits import BreakerReport, Limit, LimitReport

app = App(
    name="limit", help="Show limits and who waits for them; circuit breakers.",
    help_format="plaintext",
)  # fmt: skip


@app.command(name="list")
@with_exit_code
async def list_(*, call: Call = CALL) -> None:
    """List the limits in use: how much is taken, who holds and how many wait."""
    async with call.session() as client:
        report = await client.limits.list()
    call.show(report, _print_limits)


def _print_limits(report: LimitReport) -> None:
    rows = [
        (one.kind, one.key, _taken(one), str(one.waiting), _held_by(one)) for one in report.limits
    ]
    print_table(("KIND", "KEY", "TAKEN", "WAITING", "HELD BY"), rows, gives_way=("HELD BY",))


@app.command
@with_exit_code
async def release(execution: str, *, server: Server = SERVER) -> None:
    """Free what an execution holds under limits; whatever still runs then runs beside the limit.

    Parameters
    ----------
    execution
        Id of the execution.
    """
    async with server.session() as client:
        done = await client.limits.release(execution)
    print(f"freed {done.released}")


@app.command
@with_exit_code
async def breakers(*, call: Call = CALL) -> None:
    """List the circuit breakers that are known."""
    async with call.session() as client:
        report = await client.limits.breakers()
    call.show(report, _print_breakers)


def _print_breakers(report: BreakerReport) -> None:
    rows = [
        (one.key, one.state, f"{one.failures} of {one.failure_threshold}", str(one.waiting))
        for one in report.breakers
    ]
    print_table(("KEY", "STATE", "FAILURES", "WAITING"), rows)


@app.command
@with_exit_code
async def trip(key: str, *, server: Server = SERVER) -> None:
    """Open a circuit breaker.

    Parameters
    ----------
    key
        Its key, as `penstock limit breakers` shows it.
    """
    await _set_breaker(key, "trip", server)


@app.command
@with_exit_code
async def reset(key: str, *, server: Server = SERVER) -> None:
    """Close a circuit breaker.

    Parameters
    ----------
    key
        Its key, as `penstock limit breakers` shows it.
    """
    await _set_breaker(key, "reset", server)


async def _set_breaker(key: str, action: Literal["trip", "reset"], server: Server) -> None:
    async with server.session() as client:
        done = await client.limits.set_breaker(key, action)
        known = {one.key: one for one in (await client.limits.breakers()).breakers}
    now = known.get(done.key)
    print(f"{done.key}: {now.state if now is not None else done.action}")


def _taken(one: Limit) -> str:
    span = f" in {duration_text(one.per_s)}" if one.per_s else ""
    return f"{one.used} of {one.limit}{span}"


def _held_by(one: Limit) -> str:
    return ", ".join(
        f"{node_text(each.name, each.item)} {each.execution_id}" for each in one.holders[:5]
    )
