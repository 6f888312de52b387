"""Schedules for tests of coordinators: a clock that stands still, a flow, and what was started."""

import json
from collections.abc import Iterable

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.schedule.v1 import schedule_service_pb2 as api
from penstock.api.schedule.v1.schedule_service_pb2_grpc import ScheduleServiceStub
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.clock import SystemClock
from penstock.common.rpc.channel import call
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from support.coordinator.memory_state import MemoryState

MINUTE = 60_000_000
NOON = 1_763_726_400_000_000
"""2025-11-21T12:00:00Z."""

REPORT = """
flow: 1
id: report
params: {n: {type: integer, default: 0}}
nodes:
  work: {run: "return 1"}
"""


class StandingClock(SystemClock):
    """The wall clock says what it is told; waiting takes real time."""

    def __init__(self, now_us: int = NOON) -> None:
        self.at_us = now_us

    def now_us(self) -> int:
        return self.at_us


class Scheduling:
    """A coordinator's schedules as its users and its clock see them."""

    def __init__(self, running, state: MemoryState, clock: StandingClock) -> None:
        self.running = running
        self.state = state
        self.clock = clock
        self.stub = ScheduleServiceStub(running.channel)

    async def put(self, name="nightly", cron="*/5 * * * *", tenant="default", **fields):
        timing = pb.Timing(cron=cron, timezone=fields.pop("timezone", "UTC"))
        for field in ("overlap", "catch_up", "catch_up_window_s", "jitter_s", "end_unix_us"):
            if field in fields:
                setattr(timing, field, fields.pop(field))
        workflow = fields.pop("workflow", "report")
        schedule = pb.Schedule(id=name, workflow=workflow, timing=timing, **fields)
        request = api.PutScheduleRequest(schedule=schedule)
        return await call(self.stub.PutSchedule, request, tenant=tenant)

    async def get(self, name="nightly"):
        request = api.GetScheduleRequest(id=name)
        return (await call(self.stub.GetSchedule, request)).schedule

    async def at(self, at_us: int) -> None:
        """Set the wall clock, and let whatever is due by then be decided."""
        self.clock.at_us = at_us
        await settled(self.running)


async def settled(running) -> None:
    """Return once a look has found nothing to do."""
    keeper = running.shell.keeper
    while True:
        await keeper.look()
        if not keeper._again.is_set():
            return
        keeper._again.clear()


def slots(state: MemoryState, schedule: str = "nightly") -> list[str]:
    """When the runs of a schedule were to begin, in the order of their starts."""
    return [
        trigger["scheduled_at"]
        for trigger in triggers(state)
        if trigger.get("schedule") == schedule
    ]


def triggers(state: MemoryState) -> Iterable[dict]:
    """What the executions were told of why they began."""
    for rows in state.histories.values():
        started = rows[0].events[0].execution_started
        yield json.loads(started.trigger.json or "{}")


async def apply_report(state: MemoryState, source: str = REPORT) -> None:
    plan = compile_source(source, catalog())
    workflow = wf.Workflow(name=plan.name, definition_hash=plan.definition_hash, source=source)
    await state.ports().queries.put_workflow("default", workflow)
