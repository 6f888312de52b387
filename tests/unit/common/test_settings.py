"""Settings: origins, complaints all at once, secrets hidden."""

from dataclasses import dataclass

import pytest

from penstock.common.settings import (
    BadSettings,
    ServiceSettings,
    load_settings,
    read_settings,
    setting,
)


@dataclass(frozen=True)
class Settings(ServiceSettings):
    shards: int = setting(64, "How many")
    password: str = setting("", "Secret", secret=True)
    eager: bool = setting(False, "Whether")


def test_a_value_comes_from_the_environment_before_the_file_and_the_default(tmp_path):
    config = tmp_path / "penstock.toml"
    config.write_text("[state]\nshards = 8\neager = true\n")
    env = {"PENSTOCK_CONFIG": str(config), "PENSTOCK_STATE_SHARDS": "16"}
    settings, origins = read_settings(Settings, "state", env)
    assert (settings.shards, settings.eager, settings.listen) == (16, True, "127.0.0.1:0")
    assert origins["shards"] == "PENSTOCK_STATE_SHARDS"
    assert origins["eager"] == "[state] eager"
    assert origins["listen"] == "default"


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("hush\n")
    settings, _ = read_settings(Settings, "state", {"PENSTOCK_STATE_PASSWORD_FILE": str(secret)})
    assert settings.password == "hush"


def test_all_complaints_are_told_at_once_with_the_nearest_name():
    env = {"PENSTOCK_STATE_SHARDS": "many", "PENSTOCK_STATE_EAGR": "1", "PENSTOCK_STATE_EAGER": "2"}
    with pytest.raises(BadSettings) as caught:
        read_settings(Settings, "state", env)
    text = str(caught.value)
    assert "PENSTOCK_STATE_SHARDS='many': give a whole number" in text
    assert "did you mean PENSTOCK_STATE_EAGER?" in text
    assert "give true or false" in text


def test_printed_settings_hide_secrets(capsys):
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings, "state", ["--print-settings"], {"PENSTOCK_STATE_PASSWORD": "hush"})
    printed = capsys.readouterr().out
    assert caught.value.code == 0
    assert "hush" not in printed
    assert "password = '***'  (PENSTOCK_STATE_PASSWORD)" in printed


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("LISTEN", "here", "give host:port"),
        ("LISTEN", "", "give host:port"),
        ("METRICS_LISTEN", "9100", "give host:port"),
        ("LOG_LEVEL", "loud", "give debug or info or warning or error"),
        ("SHARDS", "-1", "give 0 or more"),
    ],
)
def test_a_value_that_cannot_work_is_refused_before_anything_starts(name, value, fix):
    with pytest.raises(BadSettings, match=fix):
        read_settings(Settings, "state", {f"PENSTOCK_STATE_{name}": value})


def test_an_optional_address_may_be_empty():
    settings, _ = read_settings(Settings, "state", {"PENSTOCK_STATE_METRICS_LISTEN": ""})
    assert settings.metrics_listen == ""


def test_a_bad_secret_is_not_shown():
    @dataclass(frozen=True)
    class Guarded(ServiceSettings):
        pin: int = setting(0, "Secret", secret=True)

    with pytest.raises(BadSettings) as caught:
        read_settings(Guarded, "state", {"PENSTOCK_STATE_PIN": "hush"})
    assert "hush" not in str(caught.value)


def test_an_argument_that_nobody_reads_ends_the_process_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        load_settings(Settings, "state", ["--print-setings"], {})
    assert caught.value.code == 2
    assert "unknown argument --print-setings" in capsys.readouterr().err
