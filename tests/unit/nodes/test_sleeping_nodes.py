"""delay and wait."""

import pytest

from penstock.nodes.api import NodeFailure
from penstock.nodes.delay.run import run as run_delay
from penstock.nodes.wait.run import run as run_wait
from support.node_calls import make_call, plain


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [("90s", 90_000_000), ("1h30m", 5_400_000_000), ("250ms", 250_000), (1.5, 1_500_000), (0, 0)],
)
async def test_delay_sleeps_for_a_duration_and_passes_the_payload_on(written, microseconds):
    sleep = await run_delay(make_call({"duration": written}, {"x": {"a": 1}}))
    assert sleep.duration_us == microseconds
    assert plain(sleep.output) == {"a": 1}


async def test_delay_until_an_instant_is_exact():
    sleep = await run_delay(make_call({"until": "2030-01-31T09:00:00.000001+01:00"}))
    assert sleep.until_unix_us == 1_896_076_800_000_001


@pytest.mark.parametrize("config", [{"duration": "soon"}, {"duration": -1}, {"duration": True}])
async def test_delay_refuses_what_is_no_duration(config):
    with pytest.raises(NodeFailure, match="BAD_DURATION"):
        await run_delay(make_call(config))


@pytest.mark.parametrize("until", ["2030-01-31T09:00:00", "tomorrow", -5])
async def test_delay_refuses_an_instant_without_a_zone(until):
    with pytest.raises(NodeFailure, match="BAD_INSTANT"):
        await run_delay(make_call({"until": until}))


async def test_wait_names_its_signal_and_time_out():
    sleep = await run_wait(make_call({"signal": "paid", "timeout": "2s"}))
    assert (sleep.signal, sleep.duration_us) == ("paid", 2_000_000)
