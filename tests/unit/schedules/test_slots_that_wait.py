"""A slot that waits for the end of a run, looked at by somebody whose clock is behind that of who
let it wait."""

import pytest

from penstock.workflow.schedules.cron import Cron, read_cron
from penstock.workflow.schedules.deciding import Act, Position, next_step, waits_until_us
from penstock.workflow.schedules.timing import Timing

SECOND_US = 1_000_000
SLOT_US = 1_700_000_000 * SECOND_US
WAITING = Position(SLOT_US, SLOT_US)


def timing_of(shift_us: int) -> Timing:
    cron = read_cron("*/2 * * * * *", "UTC")
    assert isinstance(cron, Cron)
    return Timing(cron=cron, overlap="queue", shift_us=shift_us)


@pytest.mark.parametrize("shift_us", [0, 700_000])
def test_it_does_not_start_before_its_time(shift_us: int):
    timing = timing_of(shift_us)
    early_us = SLOT_US + shift_us - 1
    assert next_step(timing, WAITING, early_us, busy=False) is None
    assert waits_until_us(timing, WAITING, busy=False) == early_us + 1


@pytest.mark.parametrize("shift_us", [0, 700_000])
def test_it_starts_when_its_time_has_come(shift_us: int):
    step = next_step(timing_of(shift_us), WAITING, SLOT_US + shift_us, busy=False)
    assert step is not None
    assert (step.act, step.slot_us, step.was_queued) == (Act.START, SLOT_US, True)


def test_while_a_run_goes_on_time_brings_the_next_slot_only():
    timing = timing_of(0)
    assert next_step(timing, WAITING, SLOT_US, busy=True) is None
    assert waits_until_us(timing, WAITING, busy=True) == SLOT_US + 2 * SECOND_US
