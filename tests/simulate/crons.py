"""Schedules under faults (I9): whatever becomes of coordinators, clocks and the database, no slot
has two runs, none is lost, overlap is as its policy says, and what is told of a slot is true.

The judge works slots out itself: expressions name every so-manieth second. Runs it reads off the
first row of each execution, what is told off every write of a schedule's progress, at the instant
that either is on disk. The periods are such that nobody may miss a slot: `catch_up` is `all`.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.state.v1.schedule_store_pb2 import (
    ListDueResponse,
    RecordProgressRequest,
    SaveScheduleRequest,
)
from penstock.workflow.execution import events as ev
from support.simulated.fabric import EPOCH_US
from support.simulated.flows import flow, js

_SECOND_US = 1_000_000
_TICKS = 12
"""So many different flows run by schedules."""
_SLOTS_MAX = 12
"""A schedule shows its last 20 decisions: so none of these goes unseen."""
OVERLAPS = {
    "allow": pb.OVERLAP_ALLOW,
    "skip": pb.OVERLAP_SKIP,
    "queue": pb.OVERLAP_QUEUE,
    "cancel_running": pb.OVERLAP_CANCEL_RUNNING,
}

Key = tuple[str, str]
"""Account and schedule."""


@dataclass(frozen=True)
class Cron:
    """A schedule that fires every so many seconds, within a stretch of a run's time."""

    id: str
    tenant: str
    flow: str
    every_s: int
    until_s: int
    overlap: str

    def slots(self, begun_s: int) -> list[int]:
        """All its slots, in microseconds since 1970, of a run that begins then."""
        stretch = range(begun_s + 1, begun_s + self.until_s + 1)
        return [at * _SECOND_US for at in stretch if at % self.every_s == 0]

    def schedule(self, begun_s: int) -> pb.Schedule:
        """As it is stored when a run begins."""
        timing = pb.Timing(
            cron=f"*/{self.every_s} * * * * *",
            timezone="UTC",
            overlap=OVERLAPS[self.overlap],
            catch_up=pb.CATCH_UP_ALL,
            end_unix_us=(begun_s + self.until_s) * _SECOND_US,
        )
        return pb.Schedule(id=self.id, workflow=self.flow, timing=timing)


def random_crons(rng: Random, tenants: tuple[str, ...]) -> tuple[tuple[Cron, ...], dict[str, str]]:
    """One or two schedules, and the flows that they run."""
    flows, crons = {}, []
    for at in range(rng.choice((1, 2))):
        name = f"tick{rng.randrange(_TICKS)}"
        flows[name] = random_tick(Random(name), name)
        every_s = rng.choice((1, 2, 3))
        until_s = rng.randint(2, _SLOTS_MAX * every_s - every_s)
        overlap = rng.choice((*OVERLAPS, "skip", "queue", "cancel_running"))
        crons.append(Cron(f"every{at}", rng.choice(tenants), name, every_s, until_s, overlap))
    return tuple(crons), flows


def random_tick(rng: Random, name: str) -> str:
    """What a slot runs: shorter or longer than the time between two of them."""
    nodes = {"a": js(ms=rng.choice((1, 60, 400, 900, 2_500, 4_000)))}
    if rng.random() < 0.5:
        nodes["b"] = js("a", calls=1, effects="idempotent", throws=rng.choice((0, 0, 99)))
    return flow(name, nodes)


class CronWatch:
    """Judges each start of a slot and each progress that is written. `told` is what was said of
    slots."""

    def __init__(
        self, fabric: Any, crons: tuple[Cron, ...], histories: dict[str, Any], blame: Any
    ) -> None:
        self._fabric = fabric
        self._crons = {(one.tenant, one.id): one for one in crons}
        self._slots: dict[Key, list[int]] = {}
        self._histories = histories
        self._blame: Callable[[str], None] = blame
        self._runs: dict[Key, dict[int, str]] = defaultdict(dict)
        self._ended: dict[str, float] = {}
        self._seen_at: dict[tuple[Key, int], float] = {}
        self.told: dict[Key, dict[int, int]] = defaultdict(dict)
        self._table = fabric.database.stores.schedules
        self._record, self._table.record = self._table.record, self._on_progress
        self._due, self._table.due = self._table.due, self._on_asked

    async def put(self) -> None:
        """Store the schedules, before anything runs."""
        begun_s = EPOCH_US // _SECOND_US + int(self._fabric.now())
        for key, cron in self._crons.items():
            self._slots[key] = cron.slots(begun_s)
            asked = SaveScheduleRequest(
                schedule=cron.schedule(begun_s), now_unix_us=begun_s * _SECOND_US
            )
            await self._table.save(cron.tenant, asked)

    # Runs

    def on_row(self, execution: str, started: ev.ExecutionStarted | None) -> None:
        """A row is on disk: with `started`, an execution's first."""
        if not self._crons:
            return
        history = self._histories[execution]
        if history.ended:
            self._ended.setdefault(execution, self._fabric.now())
        trigger = json.loads(started.trigger.json) if started is not None else None
        if trigger and trigger.get("type") == "schedule":
            self._on_run((history.tenant, trigger["schedule"]), execution, trigger)

    def _on_run(self, key: Key, execution: str, trigger: dict[str, str]) -> None:
        slot_us = _us_of(trigger["scheduled_at"])
        runs, which = self._runs[key], f"slot {trigger['scheduled_at']} of {key[1]}"
        if slot_us not in self._slots.get(key, ()):
            self._blame(f"{which} has a run, and is no slot")
        if slot_us in runs:
            self._blame(f"{which} has two runs, {runs[slot_us]} and {execution} (I9)")
        if _us_of(trigger["fired_at"]) < slot_us:
            self._blame(f"{which} was fired at {trigger['fired_at']}, early (I9)")
        if self.told[key].get(slot_us) in (pb.OUTCOME_SKIPPED, pb.OUTCOME_MISSED):
            self._blame(f"{which} was told not to run, and runs")
        going_on = [one for one in runs.values() if one not in self._ended]
        if going_on and self._crons[key].overlap != "allow":
            self._blame(f"{which} runs though {going_on} have not ended")
        runs[slot_us] = execution

    # What is told

    async def _on_asked(self, *arguments: Any, **more: Any) -> ListDueResponse:
        """Somebody asks what is due; upon this he decides."""
        answer: ListDueResponse = await self._due(*arguments, **more)
        for row in (*answer.due, *answer.queued):
            at = ((row.tenant, row.id), row.progress.writes)
            self._seen_at.setdefault(at, self._fabric.now())
        return answer

    async def _on_progress(self, decided: RecordProgressRequest) -> set[int]:
        writes = {key: row.progress.writes for key, row in self._table.rows.items()}
        refused: set[int] = await self._record(decided)
        for key, row in self._table.rows.items():
            if row.progress.writes != writes[key]:
                self._judge(key, row.progress, self._seen_at.get((key, writes[key]), 0.0))
        return refused

    def _judge(self, key: Key, progress: pb.Progress, seen_at: float) -> None:
        for fire in progress.fires:
            slots = range(fire.slot_unix_us, max(fire.slot_unix_us, fire.until_unix_us) + 1)
            for slot_us in self._slots[key]:
                if slot_us in slots:
                    self._judge_fire(key, slot_us, fire, seen_at)
        for slot_us in self._slots[key]:
            if slot_us <= progress.cursor_unix_us and slot_us not in self.told[key]:
                self._blame(f"{key[1]} has passed slot {slot_us} and said nothing of it (I9)")

    def _judge_fire(self, key: Key, slot_us: int, fire: pb.Fire, seen_at: float) -> None:
        told = self.told[key]
        if told.get(slot_us) == fire.outcome == pb.OUTCOME_QUEUED:
            return  # it was told before, and judged
        before = told.get(slot_us, pb.OUTCOME_QUEUED)
        told[slot_us] = fire.outcome
        name = pb.Outcome.Name(fire.outcome)
        if before not in (fire.outcome, pb.OUTCOME_QUEUED):
            self._blame(f"slot {slot_us} of {key[1]} was {before}, and then {name}")
        run, policy = self._runs[key].get(slot_us), self._crons[key].overlap
        match fire.outcome:
            case pb.OUTCOME_STARTED:
                if run is None or run != fire.execution_id:
                    self._blame(f"slot {slot_us} of {key[1]} is {name}; its run is {run} (I9)")
            case pb.OUTCOME_SKIPPED | pb.OUTCOME_QUEUED if before == pb.OUTCOME_QUEUED:
                busy = policy == "queue" or (policy == "skip" and name == "OUTCOME_SKIPPED")
                if not busy or run is not None or not self._was_busy(key, seen_at):
                    self._blame(f"slot {slot_us} of {key[1]} ({policy}) is {name}: run {run}")
            case pb.OUTCOME_SKIPPED:
                pass
            case _:
                self._blame(f"slot {slot_us} of {key[1]} is {name}: {fire.reason}")

    def _was_busy(self, key: Key, seen_at: float) -> bool:
        """True if a run was going on when, or after, who decided looked for the first time."""
        return any(
            self._ended.get(run, self._fabric.now()) >= seen_at for run in self._runs[key].values()
        )

    # In the end

    def undecided(self) -> list[str]:
        """Slots that nobody has decided yet, or that wait."""
        return [
            f"slot {slot_us} of {key[1]}"
            for key, slots in self._slots.items()
            for slot_us in slots
            if self.told[key].get(slot_us, pb.OUTCOME_QUEUED) == pb.OUTCOME_QUEUED
        ]

    def at_the_end(self) -> None:
        """Every slot was decided, and what ran was told."""
        for one in self.undecided():
            self._blame(f"{one} was never decided (I9)")
        for key, runs in self._runs.items():
            for slot_us, run in runs.items():
                if self.told[key].get(slot_us) != pb.OUTCOME_STARTED:
                    self._blame(f"slot {slot_us} of {key[1]} has the run {run}, of which none told")

    @property
    def fired(self) -> int:
        """Slots that have a run."""
        return sum(map(len, self._runs.values()))

    @property
    def passed(self) -> int:
        """Slots that came while an earlier run went on, and did not run."""
        return sum([*told.values()].count(pb.OUTCOME_SKIPPED) for told in self.told.values())


def _us_of(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * _SECOND_US)
