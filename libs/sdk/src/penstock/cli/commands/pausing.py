"""`penstock execution pause` and `resume`."""

from penstock.cli.exit_codes import ExitCode
from penstock.cli.options import By, DataDir, Id, Output, Reason, Url
from penstock.cli.output import print_value
from penstock.cli.problems import run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.sdk.interventions import Paused


def pause(
    execution: Id,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Hand out nothing new of an execution until it is resumed; what runs goes on to its end."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            answer = await client.interventions.pause(execution, by=by, reason=reason)
        return _print(answer, output)

    return run_command(work)


def resume(
    execution: Id,
    /,
    *,
    reason: Reason = "",
    by: By = "",
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """End a pause: all that it held goes on at once."""

    async def work() -> ExitCode:
        async with open_session(url, data_dir) as client:
            answer = await client.interventions.resume(execution, by=by, reason=reason)
        return _print(answer, output)

    return run_command(work)


def _print(answer: Paused, output: Output) -> ExitCode:
    if output == "table":
        print(f"{answer.id} {answer.status}")
    else:
        print_value(answer, output)
    return ExitCode.OK
