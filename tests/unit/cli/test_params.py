from pathlib import Path

import pytest

from penstock.cli.params import build_params
from penstock.cli.problems import BadInput

SCHEMA = {
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer"},
        "either": {"type": ["string", "number"]},
        "number_first": {"type": ["number", "string"]},
    }
}


def test_a_string_parameter_keeps_text_that_looks_like_a_number():
    assert build_params(["name=007"], None, SCHEMA) == {"name": "007"}


def test_other_parameters_are_read_as_json():
    given = ["count=3", 'list=[1, "a"]', "flag=true", "nothing=null"]
    expected = {"count": 3, "list": [1, "a"], "flag": True, "nothing": None}
    assert build_params(given, None, SCHEMA) == expected


def test_what_is_no_json_stays_text():
    assert build_params(["free=a b"], None, {}) == {"free": "a b"}


def test_the_first_type_decides_between_text_and_number():
    params = build_params(["either=1", "number_first=1"], None, SCHEMA)
    assert params == {"either": "1", "number_first": 1}


def test_a_value_may_hold_equals_signs():
    assert build_params(["name=a=b"], None, SCHEMA) == {"name": "a=b"}


def test_single_parameters_win_over_the_file(tmp_path: Path):
    file = tmp_path / "params.yaml"
    file.write_text("name: file\ncount: 1\n")
    assert build_params(["count=2"], file, SCHEMA) == {"name": "file", "count": 2}


@pytest.mark.parametrize("given", ["name", "=x"])
def test_a_parameter_without_name_or_value_is_refused(given: str):
    with pytest.raises(BadInput, match="--param"):
        build_params([given], None, {})


@pytest.mark.parametrize("text", ["- 1\n", "a: [", "just text"])
def test_a_params_file_without_an_object_is_refused(text: str, tmp_path: Path):
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(BadInput):
        build_params([], file, {})
