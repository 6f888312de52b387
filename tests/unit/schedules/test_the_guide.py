"""The table of slots in the guide is what the code gives."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from penstock.workflow.schedules.cron import Cron, read_cron

GUIDE = (Path(__file__).resolve().parents[3] / "docs/guides/schedules.md").read_text("utf-8")
ROW = r"^\| `([^`]+)` \| ([\w/]+) \| (\d{4}-\d\d-\d\d \d\d:\d\d) \| (.+) \|$"
ROWS = re.findall(ROW, GUIDE, re.M)


def test_the_table_is_there():
    assert len(ROWS) >= 9


@pytest.mark.parametrize(("expression", "zone", "after", "slots"), ROWS)
def test_a_row_of_the_table_is_true(expression: str, zone: str, after: str, slots: str):
    cron = read_cron(expression, zone)
    assert isinstance(cron, Cron)
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    told = slots.split(", ")
    found = [
        datetime.fromtimestamp(slot // 10**6, UTC).astimezone(ZoneInfo(zone))
        for slot in cron.ahead(round(start.timestamp()) * 10**6, len(told))
    ]
    assert [f"{at:%d %H:%M} {at.isoformat()[-6:]}" for at in found] == told
