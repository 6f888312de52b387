"""How an execution that ended is told on the command line."""

import json
from typing import Any, cast

from penstock.cli.exit_codes import ExitCode
from penstock.cli.results import print_result
from penstock.sdk.client import Client
from penstock.sdk.models import Execution, Failure

NOBODY = cast("Client", None)


def failed(**partial: Any) -> Execution:
    failure = Failure("user", "SCRIPT_ERROR", "no")
    return Execution(
        id="x", workflow="w", version=1, status="FAILED", failed_node="b", failure=failure,
        partial=partial,
    )  # fmt: skip


async def test_a_bad_end_names_the_nodes_of_which_there_is_output(capsys):
    assert await print_result(NOBODY, failed(a=1, c=2), "table") == ExitCode.EXECUTION_FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert "failed at b: SCRIPT_ERROR" in told.err
    assert "there is output of a, c\n" in told.err


async def test_many_nodes_with_output_are_counted(capsys):
    await print_result(NOBODY, failed(**{f"n{n}": n for n in range(12)}), "table")
    assert "n9 and 2 more nodes" in capsys.readouterr().err


async def test_a_run_without_any_output_says_nothing_of_it(capsys):
    await print_result(NOBODY, failed(), "table")
    assert "there is output" not in capsys.readouterr().err


async def test_as_json_the_outputs_are_shown(capsys):
    await print_result(NOBODY, failed(a=[1]), "json")
    assert json.loads(capsys.readouterr().out)["partial"] == {"a": [1]}
