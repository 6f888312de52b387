from rich.console import Console

from penstock.cli.exit_codes import ExitCode
from penstock.cli.problems import BadInput, InvalidFile, report
from penstock.sdk.errors import (
    ConflictError,
    InvalidWorkflowError,
    NotFoundError,
    ServerFault,
    UnavailableError,
    error_of,
)
from penstock.sdk.models import Issue, Problem


def told(error: BaseException) -> tuple[ExitCode, str]:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        code = report(error, console)
    return code, capture.get()


def test_an_invalid_file_is_told_with_place_line_and_fix():
    issue = Issue("There is no key `neds`.", "UNKNOWN_KEY", "error", 2, 3, "nodes.a", "use `needs`")
    code, text = told(InvalidFile("f.yaml", "nodes:\n  neds: 1\n", [issue]))
    assert code is ExitCode.BAD_INPUT
    assert "f.yaml:2:3 error UNKNOWN_KEY" in text
    assert "    2 |   neds: 1" in text
    assert "      |   ^" in text
    assert "fix: use `needs`" in text


def test_the_exit_code_follows_the_kind_of_refusal():
    def code(status: int) -> ExitCode:
        return told(error_of(Problem(status=status, detail="d")))[0]

    assert code(400) is ExitCode.BAD_INPUT
    assert code(422) is ExitCode.BAD_INPUT
    assert code(404) is ExitCode.NOT_FOUND
    assert code(409) is ExitCode.REFUSED
    assert code(500) is ExitCode.REFUSED
    assert code(503) is ExitCode.UNAVAILABLE


def test_each_status_has_its_own_error():
    found = [type(error_of(Problem(status=s))) for s in (404, 409, 422, 500, 504)]
    assert found == [
        NotFoundError,
        ConflictError,
        InvalidWorkflowError,
        ServerFault,
        UnavailableError,
    ]


def test_text_of_users_is_not_read_as_markup():
    assert "[bold]x[/nope]" in told(BadInput("[bold]x[/nope]"))[1]


def test_a_problem_shows_detail_code_and_fix():
    problem = Problem(status=404, detail="there is no w", code="NOT_FOUND", fix="apply it")
    text = told(error_of(problem))[1]
    assert "error NOT_FOUND: there is no w" in text
    assert "fix: apply it" in text
