"""The table of a schedule's decisions."""

from penstock.cli.commands.schedule import slot_text
from penstock.sdk.schedules import Fire

SLOT = "2026-01-01T09:00:00+01:00"


def fire(**more: object) -> Fire:
    return Fire(slot=SLOT, outcome="STARTED", decided_at="2026-01-01T08:00:00Z", **more)


def test_a_slot_stands_as_the_wall_shows_it():
    assert slot_text(fire()) == SLOT


def test_a_start_by_hand_is_marked_and_has_no_slot():
    assert slot_text(fire(by_hand=True)) == "(by hand)"


def test_slots_that_were_missed_together_are_told_from_the_first_to_the_last():
    assert (
        slot_text(fire(until="2026-01-01T11:00:00+01:00")) == f"{SLOT} to 2026-01-01T11:00:00+01:00"
    )
