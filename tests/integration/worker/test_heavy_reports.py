"""However much attempts log or tell, what a worker says stays small enough to be sent, and all of
it arrives."""

import pytest

from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb
from penstock.worker.outcomes import OUTCOME_BYTES_MAX, REPORT_BYTES_MAX
from support.worker_world import ids, open_world

LINES = [payload_pb.LogLine(at_unix_us=1, level="info", message="x" * 8_192)] * 200
NODES = 12
GATHERED = 200
"""So many with their outputs and lines are more than one message takes."""
CHAIN = "nodes:\n  n0: {run: return 1}\n" + "".join(
    f"  n{number}: {{needs: [n{number - 1}], run: return 1}}\n" for number in range(1, NODES)
)
LARGE = b'"' + b"y" * 65_000 + b'"'


@pytest.fixture
async def world():
    async with open_world(drain_s=0.2) as opened:
        yield opened


def talks(call, step, seen):
    return sandbox_pb.StepResult(output_json=LARGE, logs=LINES, duration_us=5)


async def test_a_chain_that_logs_a_great_deal_is_told_in_small_reports_without_a_gap(world):
    world.sandbox.scripts["return 1"] = talks
    plan = world.flow(CHAIN)
    world.dispatch(plan, "n0")
    report = await world.report()
    assert ids(plan, report) == [f"n{number}" for number in range(NODES)]
    assert report.ByteSize() < NODES * 2 * 65_536
    for outcome in report.outcomes:
        assert outcome.logs[-1].message.startswith("further lines are dropped: 64 KiB")


async def test_a_segment_ends_when_its_report_is_large_enough(world, monkeypatch):
    monkeypatch.setattr("penstock.worker.outcomes.REPORT_BYTES_MAX", 300_000)
    world.sandbox.scripts["return 1"] = talks
    plan = world.flow(CHAIN)
    world.dispatch(plan, "n0")
    report = await world.report()
    told = ids(plan, report)
    assert told == [f"n{number}" for number in range(len(told))]
    assert 0 < len(told) < NODES
    world.dispatch(plan, f"n{len(told)}", inputs={told[-1]: 1})
    assert ids(plan, await world.report())[0] == f"n{len(told)}"


async def test_what_gathered_while_the_coordinator_was_away_is_told_in_portions(world):
    world.sandbox.scripts["return 1"] = talks
    plan = world.flow("nodes:\n  n: {run: return 1}\n")
    world.coordinator.commits = False
    for number in range(GATHERED):
        world.dispatch(plan, "n", execution=f"E{number}")
    first = [(await world.report()).execution_id for _ in range(GATHERED)]
    world.coordinator.break_now.set()
    again = [(await world.report()).execution_id for _ in range(GATHERED)]
    assert again == first
    assert world.coordinator.largest < 10_000_000


async def test_an_attempt_that_tells_more_than_an_outcome_can_hold_fails(world):
    def changes(call, step, seen):
        made = sandbox_pb.StepResult(output_json=b"1", duration_us=5)
        made.vars.names.extend(f"v{number}" for number in range(40))
        made.vars.values_json.extend([LARGE] * 40)
        return made

    world.sandbox.scripts["vars.set('v', 1)"] = changes
    plan = world.flow("nodes:\n  n: {run: \"vars.set('v', 1)\"}\n")
    world.dispatch(plan, "n")
    outcome = await world.outcome()
    assert outcome.failed.reason == "VARIABLES_TOO_LARGE"
    assert outcome.ByteSize() < OUTCOME_BYTES_MAX < REPORT_BYTES_MAX
