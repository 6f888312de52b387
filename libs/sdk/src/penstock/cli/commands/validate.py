"""`penstock validate`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.files import has_workflow_library, read_source
from penstock.cli.problems import BadInput, error_console, print_issues, with_exit_code
from penstock.sdk.models import Validation


@with_exit_code
async def validate(
    *files: Annotated[Path, Parameter(help="Workflow files; - is standard input.")],
    call: Call = CALL,
) -> ExitCode:
    """Check workflow files; tells everything that is wrong, with its place.

    Needs no server where the workflow library is installed, and executes nothing.
    """
    if not files:
        raise BadInput("no file is named", fix="Name workflow files, or - for standard input.")
    sources = {str(file): read_source(file) for file in files}
    if has_workflow_library() and not call.server.url:
        check = load_extra("penstock.cli.checking").check_here
        found = {name: check(source) for name, source in sources.items()}
    else:
        async with call.session() as client:
            found = {name: await client.validate(text) for name, text in sources.items()}
    call.show(found, lambda _: _print_findings(sources, found))
    return ExitCode.OK if all(each.valid for each in found.values()) else ExitCode.BAD_INPUT


def _print_findings(sources: dict[str, str], found: dict[str, Validation]) -> None:
    console = error_console()
    for name, validation in found.items():
        print_issues(console, name, sources[name], validation.issues)
        errors = sum(issue.severity == "error" for issue in validation.issues)
        warnings = sum(issue.severity == "warning" for issue in validation.issues)
        told = "valid" if validation.valid else f"{errors} error{'s' if errors != 1 else ''}"
        more = f", {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""
        print(f"{name}: {told}{more}")
