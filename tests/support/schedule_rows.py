"""Schedules as tests of state's store write and ask for them."""

from penstock.api.schedule.v1 import schedule_pb2 as pb
from penstock.api.state.v1.schedule_store_pb2 import (
    DecidedSchedule,
    RecordProgressRequest,
    SaveScheduleRequest,
)
from penstock.common.ids import schedule_ulid, shard_of

MINUTE = 60_000_000
NOON = 1_000 * 60 * MINUTE
SHARDS = range(8)


def a_schedule(name="nightly", cron="*/5 * * * *", **fields) -> pb.Schedule:
    timing = pb.Timing(cron=cron, timezone="UTC", **fields.pop("timing", {}))
    return pb.Schedule(id=name, workflow=fields.pop("workflow", "orders"), timing=timing, **fields)


async def save(stores, schedule, now_us=NOON, tenant="default", expected=0):
    asked = SaveScheduleRequest(schedule=schedule, now_unix_us=now_us, expected_revision=expected)
    return await stores.schedules.save(tenant, asked)


async def due(stores, until_us, shards=SHARDS, limit=10, waiting=True):
    return await stores.schedules.due(list(shards), until_us, limit, waiting=waiting)


def decided(name="nightly", epoch=1, revision=1, tenant="default", created=0, **progress):
    shard = shard_of(schedule_ulid(tenant, name), len(SHARDS))
    return DecidedSchedule(
        tenant=tenant,
        id=name,
        shard=shard,
        epoch=epoch,
        revision=revision,
        progress=pb.Progress(**progress),
        created_unix_us=created,
    )


async def record(stores, *schedules, backfills=()):
    return await stores.schedules.record(
        RecordProgressRequest(schedules=schedules, backfills=backfills)
    )
