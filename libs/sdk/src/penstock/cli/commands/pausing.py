"""`penstock execution pause` and `resume`."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import By, Id, Reason
from penstock.cli.problems import with_exit_code
from penstock.sdk.interventions import Paused

RequestId = Annotated[
    str,
    Parameter(
        show_default=False,
        help="Requests with the same id are one: give it to ask again after a lost answer.",
    ),
]


@with_exit_code
async def pause(
    execution: Id,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    request_id: RequestId = "",
    call: Call = CALL,
) -> None:
    """Hand out nothing new of an execution until it is resumed; what runs goes on to its end."""
    async with call.session() as client:
        paused = await client.interventions.pause(
            execution, by=by, reason=reason, request_id=request_id
        )
    call.show(paused, _print_status)


@with_exit_code
async def resume(
    execution: Id,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    request_id: RequestId = "",
    call: Call = CALL,
) -> None:
    """End a pause: all that it held goes on at once."""
    async with call.session() as client:
        resumed = await client.interventions.resume(
            execution, by=by, reason=reason, request_id=request_id
        )
    call.show(resumed, _print_status)


def _print_status(now: Paused) -> None:
    print(f"{now.id} {now.status}")
