"""Runs of schedules: each slot has one execution id, whoever starts it and however often.

The id is made of account, schedule and slot, and placed in the schedule's own shard. So one
coordinator decides about a schedule and holds its runs; the journal refuses whoever has lost the
shard; and a second start of a slot meets the first.
"""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from penstock.api.schedule.v1.schedule_pb2 import Schedule
from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionRequest
from penstock.common.errors import NotFound
from penstock.common.ids import keyed_ulid, moved_to_shard, schedule_ulid, shard_of
from penstock.common.schedule_codec import tag_of
from penstock.coordinator.shell.hands.interventions import Interventions
from penstock.coordinator.shell.live import Shard
from penstock.coordinator.shell.shards.shards import Shards
from penstock.coordinator.shell.starts.one_start import OneStart
from penstock.coordinator.shell.starts.start_ids import Under
from penstock.coordinator.shell.starts.starts import Call, Starts
from penstock.workflow.execution.events import StartOptions
from penstock.workflow.execution.values import OPEN_STATUSES

_SECOND_US = 1_000_000
_FINGERPRINT = "schedule"
"""Starts of one slot are one start, even if the schedule was changed in between."""


class Started(msgspec.Struct, frozen=True):
    """A run that is on disk. `existing`: it was before; `ended`: it has ended since."""

    execution_id: str
    existing: bool
    ended: bool = False


class Runs:
    """Starts and cancels runs of schedules whose shard is ours."""

    def __init__(self, shards: Shards, starts: Starts, interventions: Interventions) -> None:
        self._shards = shards
        self._starts = starts
        self._interventions = interventions

    def shard_of(self, schedule: Schedule) -> Shard:
        """The schedule's shard. Raises `WrongOwner` or `Unavailable` if it is not ours."""
        return self._shards.of(schedule_ulid(schedule.tenant, schedule.id))

    def id_of(self, schedule: Schedule, *key: str) -> str:
        """The execution id of a slot, or of a start by hand."""
        base = keyed_ulid("run", schedule.tenant, schedule.id, *key)
        count = self._shards.count
        shard = shard_of(schedule_ulid(schedule.tenant, schedule.id), count)
        return moved_to_shard(base, shard, count)

    async def start_slot(
        self, schedule: Schedule, slot_us: int, now_us: int, *, backfill: str = ""
    ) -> Started:
        """Start the run of a slot; returns once it is on disk. Raises operating errors.

        Slots from before the schedule was made, which only backfills start, have ids of their own:
        an earlier schedule of this name, of another workflow perhaps, may have run them."""
        more = {"backfill": backfill} if backfill else {}
        trigger = trigger_of(schedule, slot_us, now_us) | more
        return await self._start(schedule, self._id_of_slot(schedule, slot_us), trigger)

    async def known_slot(self, schedule: Schedule, slot_us: int) -> bool:
        """True if the slot has a run. Raises operating errors."""
        return await self.known(schedule, self._id_of_slot(schedule, slot_us)) is not None

    async def known(self, schedule: Schedule, execution_id: str) -> Started | None:
        """The run under this id, None if there is none. Raises operating errors."""
        try:
            return await self._start(schedule, execution_id, {}, only_known=True)
        except NotFound:
            return None

    def _id_of_slot(self, schedule: Schedule, slot_us: int) -> str:
        key = [str(slot_us)]
        if slot_us <= schedule.created_unix_us:
            key.append(f"before {schedule.created_unix_us}")
        return self.id_of(schedule, *key)

    def id_by_hand(self, schedule: Schedule, key: str) -> str:
        """The execution id of a start by hand: one for each key."""
        return self.id_of(schedule, "by hand", key)

    async def start_by_hand(self, schedule: Schedule, key: str, now_us: int) -> Started:
        """Start a run as a slot would; one for each key."""
        trigger = trigger_of(schedule, now_us, now_us) | {"slot": None, "by_hand": True}
        return await self._start(schedule, self.id_by_hand(schedule, key), trigger)

    async def _start(
        self,
        schedule: Schedule,
        execution_id: str,
        trigger: dict[str, Any],
        *,
        only_known: bool = False,
    ) -> Started:
        request = StartExecutionRequest(
            workflow=schedule.workflow,
            version=schedule.version,
            params_json=schedule.params_json,
            trigger_json=msgspec.json.encode(trigger),
            tags=(tag_of(schedule.id), *schedule.tags),
        )
        priority = schedule.priority_plus_one
        listener = OneStart(waits=False)
        self._starts.start(
            Call(
                schedule.tenant,
                request,
                "",
                listener,
                under=Under(execution_id, _FINGERPRINT),
                options=StartOptions(priority=priority - 1) if priority else None,
                only_known=only_known,
            )
        )
        answer = await listener.done
        ended = int(answer.status) not in OPEN_STATUSES
        return Started(execution_id, answer.existing, ended)

    async def cancel(self, schedule: Schedule, execution_id: str) -> None:
        """End a run; returns once that is on disk."""
        reason = f"a later slot of the schedule {schedule.id} came"
        try:
            await self._interventions.cancel(schedule.tenant, execution_id, reason[:1000])
        except NotFound:
            return


def trigger_of(schedule: Schedule, slot_us: int, now_us: int) -> dict[str, Any]:
    """What a run is told of why it began: `slot` as the wall shows it in the schedule's zone,
    `scheduled_at` the same instant in UTC."""
    return {
        "type": "schedule",
        "schedule": schedule.id,
        "slot": instant_text(slot_us, ZoneInfo(schedule.timing.timezone)),
        "scheduled_at": instant_text(slot_us),
        "fired_at": instant_text(now_us),
    }


def instant_text(at_us: int, zone: tzinfo = UTC) -> str:
    """An instant in ISO 8601, with a fraction of a second only if there is one."""
    at = datetime.fromtimestamp(at_us // _SECOND_US, UTC).replace(microsecond=at_us % _SECOND_US)
    return at.astimezone(zone).isoformat().replace("+00:00", "Z")
