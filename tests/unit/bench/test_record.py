"""Recording one group of figures leaves the others as they were."""

from bench.calibration import Calibration
from bench.check import rounds_of
from bench.hops import Hops
from bench.record import Circumstances, GroupRecord, merge

HERE = Circumstances("2025-01-01T00:00:00+00:00", {"cores": 2}, {"penstock": "abc"})
THERE = Circumstances("2025-02-01T00:00:00+00:00", {"cores": 8}, {"penstock": "def"})
HOPS = Hops(
    cpu_us={"worker": 5.123},
    wire_bytes={"a>b": 10.0},
    disk_bytes={"wal": 100.0},
    commits_per_s=12.34,
    batches={"rows_per_commit": 50.0},
)
SPEEDS = GroupRecord(
    "speeds",
    {"x_per_s": 2.0},
    {"x_per_s": [1.0, 2.0, 3.0]},
    {"x_per_s": HOPS},
    Calibration(9, 1, 1),
)


def test_a_group_is_added_beside_what_is_there():
    latest = merge({"old_per_s": 1.0}, SPEEDS, HERE)
    latest = merge(latest, GroupRecord("scale", {"executions_live_max": 10.0}), THERE)
    assert (latest["old_per_s"], latest["x_per_s"]) == (1.0, 2.0)
    assert latest["executions_live_max"] == 10.0
    assert latest["rounds"] == {"x_per_s": [1.0, 2.0, 3.0]}


def test_each_group_keeps_where_and_when_it_was_measured():
    latest = merge(merge({}, SPEEDS, HERE), GroupRecord("scale", {"max": 1.0}), THERE)
    assert latest["groups"]["speeds"]["machine"] == {"cores": 2}
    assert latest["groups"]["speeds"]["commit"] == "abc"
    assert latest["groups"]["scale"]["machine"] == {"cores": 8}
    assert latest["groups"]["scale"]["at"] == THERE.at


def test_a_group_measured_again_takes_its_old_figures_away():
    latest = merge({}, SPEEDS, HERE)
    latest = merge(latest, GroupRecord("speeds", {"y_per_s": 3.0}), THERE)
    assert "x_per_s" not in latest
    assert latest["rounds"] == {}
    assert latest["hops"] == {}
    assert latest["groups"]["speeds"]["figures"] == ["y_per_s"]


def test_the_budget_of_each_hop_is_recorded():
    latest = merge({}, SPEEDS, HERE)
    assert latest["cpu_us_per_node"] == {"x_per_s": {"worker": 5.12}}
    assert latest["hops"]["x_per_s"]["wire_bytes"] == {"a>b": 10.0}
    assert latest["hops"]["x_per_s"]["commits_per_s"] == 12.3


def test_only_calibrated_groups_can_be_compared():
    latest = merge({}, SPEEDS, HERE)
    latest = merge(latest, GroupRecord("other", {"z_per_s": 1.0}, {"z_per_s": [1.0]}), HERE)
    assert list(rounds_of(latest)) == ["x_per_s"]


def test_merging_changes_nothing_in_place():
    before = merge({}, SPEEDS, HERE)
    groups = dict(before["groups"])
    merge(before, GroupRecord("scale", {"max": 1.0}), THERE)
    assert before["groups"] == groups
