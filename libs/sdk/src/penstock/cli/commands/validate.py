"""`penstock validate`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from penstock.cli.exit_codes import ExitCode
from penstock.cli.extras import load_extra
from penstock.cli.files import has_workflow_library, read_source
from penstock.cli.options import DataDir, Output, Url
from penstock.cli.output import Format, print_value
from penstock.cli.problems import BadInput, error_console, print_issues, run_command
from penstock.cli.session import DATA_DIR, open_session
from penstock.sdk.models import Validation


def validate(
    *files: Annotated[Path, Parameter(help="Workflow files; - is standard input.")],
    output: Output = "table",
    url: Url = "",
    data_dir: DataDir = DATA_DIR,
) -> int:
    """Check workflow files; tells everything that is wrong, with its place.

    Needs no server where the workflow library is installed, and executes nothing.
    """

    async def work() -> ExitCode:
        if not files:
            raise BadInput("no file is named", fix="Name workflow files, or - for standard input.")
        sources = {str(file): read_source(file) for file in files}
        if has_workflow_library() and not url:
            check = load_extra("penstock.cli.checking").check_here
            found = {name: check(source) for name, source in sources.items()}
        else:
            async with open_session(url, data_dir) as client:
                found = {name: await client.validate(text) for name, text in sources.items()}
        return _tell(sources, found, output)

    return run_command(work)


def _tell(sources: dict[str, str], found: dict[str, Validation], form: Format) -> ExitCode:
    valid = all(each.valid for each in found.values())
    if form != "table":
        print_value(found, form)
        return ExitCode.OK if valid else ExitCode.BAD_INPUT
    console = error_console()
    for name, validation in found.items():
        print_issues(console, name, sources[name], validation.issues)
        errors = sum(issue.severity == "error" for issue in validation.issues)
        warnings = sum(issue.severity == "warning" for issue in validation.issues)
        told = "valid" if validation.valid else f"{errors} error{'s' if errors != 1 else ''}"
        more = f", {warnings} warning{'s' if warnings != 1 else ''}" if warnings else ""
        print(f"{name}: {told}{more}")
    return ExitCode.OK if valid else ExitCode.BAD_INPUT
