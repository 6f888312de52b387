"""Options that take JSON tell what is not, before any server is asked."""

import pytest

from penstock.cli.main import build_app

BAD = '{"a": '
COMMANDS = [
    ("task", "answer", "t", "approved", "--data", BAD),
    ("node", "complete", "e", "n", "--value", BAD),
    ("node", "edit", "e", "n", "--input", BAD),
    ("execution", "signal", "e", "s", "--payload", BAD),
    ("operation", "start", "signal", "--where", "tag:a", "--signal", "s", "--payload", BAD),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_no_json_is_told_with_its_option(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    code = build_app()([*command, "--url", "http://127.0.0.1:9"], result_action="return_value")
    assert code == 2
    assert f"{command[-2]} is not JSON" in capsys.readouterr().err


def test_an_operation_says_for_what(capsys: pytest.CaptureFixture[str]):
    start = ["operation", "start", "cancel", "--url", "http://127.0.0.1:9"]
    for more in ([], ["--where", "tag:a", "--id", "b"]):
        assert build_app()([*start, *more], result_action="return_value") == 2
        assert "Give --where or --id" in capsys.readouterr().err
