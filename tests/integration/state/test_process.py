"""The shipped program `penstock-state`: migrations, start, death, end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.postgres import free_port
from support.state_rows import request, start, write

PROGRAM = Path(sys.executable).with_name("penstock-state")


@pytest.fixture
def environment(database_url, tmp_path):
    own = {
        "LISTEN": f"127.0.0.1:{free_port()}",
        "DATABASE_URL": database_url,
        "SHARD_COUNT": "8",
        "PAYLOAD_URL": (tmp_path / "payloads").as_uri(),
    }
    return {**os.environ, **{f"PENSTOCK_STATE_{name}": value for name, value in own.items()}}


@contextmanager
def running(environment):
    process = subprocess.Popen([PROGRAM], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for(process, event):
    """Read the log until an event."""
    for line in process.stderr:
        entry = json.loads(line)
        if entry["event"] == event:
            return entry
    raise AssertionError(f"the log ended without {event}")


def run(environment, *arguments):
    command = [PROGRAM, *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=30
    )


def test_migrations_run_once_and_tell_what_they_did(environment):
    first, second = run(environment, "migrate"), run(environment, "migrate")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "applied 0001_pre_journal.sql" in first.stdout
    assert second.stdout == "nothing to do\n"
    assert run(environment, "migrate", "sideways").returncode == 2


def test_two_migrations_at_once_do_not_disturb_each_other(environment):
    command = [PROGRAM, "migrate"]
    both = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = sorted(one.communicate()[0] for one in both)
    assert [one.returncode for one in both] == [0, 0]
    assert outputs[0].startswith(b"applied")
    assert outputs[1] == b"nothing to do\n"


def test_another_number_of_shards_is_refused_with_the_right_one(environment):
    with running(environment) as process:
        wait_for(process, "service_ready")
    environment["PENSTOCK_STATE_SHARD_COUNT"] = "16"
    refused = run(environment)
    assert refused.returncode == 1
    assert "this cluster has 8 shards, not 16" in refused.stderr


def test_a_stop_is_clean_and_quick(environment):
    with running(environment) as process:
        wait_for(process, "service_ready")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("arguments", [(), ("migrate",)])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "scheme"),
        ("postgresql://u:se#cret@127.0.0.1/x", "%23"),
        ("postgresql://u:secret@127.0.0.1:many/x", "host or port"),
        ("postgresql://u:secret@127.0.0.1:99999/x", "host or port"),
        ("postgresql://u:secret@127.0.0.1:1/x?sslmode=maybe", "sslmode"),
    ],
)
def test_an_address_that_cannot_be_read_ends_it_at_once(environment, url, words, arguments):
    environment["PENSTOCK_STATE_DATABASE_URL"] = url
    refused = run(environment, *arguments)
    assert refused.returncode == 2
    assert "PENSTOCK_STATE_DATABASE_URL" in refused.stderr
    assert words in refused.stderr
    assert "cret" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_its_help_names_the_migrations():
    assert "penstock-state migrate [pre|post]" in run(dict(os.environ), "--help").stdout


def test_it_waits_for_postgresql_to_come(environment):
    environment["PENSTOCK_STATE_DATABASE_URL"] = f"postgresql://postgres@127.0.0.1:{free_port()}/x"
    with running(environment) as process:
        assert "cannot be reached" in wait_for(process, "database_not_ready")["error"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


async def test_whatever_was_answered_before_a_kill_is_there_after_it(environment, open_client):
    address = environment["PENSTOCK_STATE_LISTEN"]
    answered = []
    with running(environment) as process:
        await asyncio.to_thread(wait_for, process, "service_ready")
        async with open_client(address) as client:
            epoch = await client.lease()
            stream = client.journal.Append()
            for n in range(1, 201):
                await stream.write(request(n, write(1, epoch, n, start(n))))
            while len(answered) < 50:
                answered.append((await stream.read()).batch_id)
            process.kill()
            stream.cancel()
    with running(environment) as process:
        await asyncio.to_thread(wait_for, process, "service_ready")
        async with open_client(address) as client:
            stream = client.journal.Append()
            for n in range(answered[-1] + 1, 201):
                await stream.write(request(n, write(1, epoch, n, start(n))))
            for n in range(answered[-1] + 1, 201):
                answer = await stream.read()
                assert (answer.batch_id, list(answer.fenced_shards)) == (n, [])
            stream.cancel()
