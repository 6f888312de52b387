"""`penstock execution pause` and `resume`."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import By, DataDir, Id, Output, Reason, Url
from penstock.cli.output import print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.sdk.interventions import Paused

RequestId = Annotated[
    str,
    Parameter(
        show_default=False,
        help="Requests with the same id are one: give it to ask again after a lost answer.",
    ),
]


def pause(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    request_id: RequestId = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Hand out nothing new of an execution until it is resumed; what runs goes on to its end."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            answer = await client.interventions.pause(
                execution, by=by, reason=reason, request_id=request_id
            )
        return _print(answer, output)

    return run_command(work)


def resume(  # noqa: PLR0913 - each is an option of the command
    execution: Id,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    request_id: RequestId = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """End a pause: all that it held goes on at once."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            answer = await client.interventions.resume(
                execution, by=by, reason=reason, request_id=request_id
            )
        return _print(answer, output)

    return run_command(work)


def _print(answer: Paused, output: Output) -> ExitCode:
    if output == "table":
        print(f"{answer.id} {answer.status}")
    else:
        print_value(answer, output)
    return ExitCode.OK
