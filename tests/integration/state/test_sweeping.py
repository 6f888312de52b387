"""The sweeper over PostgreSQL and a folder of payloads: what goes, what stays, what is shared."""

import asyncio
import os
import uuid
from pathlib import Path

import pytest

from penstock.api.journal.v1.journal_pb2 import EventBatch, NodeRef
from penstock.api.operation.v1.operation_service_pb2 import (
    OPERATION_STATE_COMPLETED,
    OPERATION_STATE_RUNNING,
    Operation,
    StoredOperation,
)
from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.common.errors import NotFound
from penstock.nodes import catalog
from penstock.state.adapters.postgres.database import open_database
from penstock.state.adapters.postgres.executions import PostgresExecutions
from penstock.state.adapters.postgres.journal import PostgresJournal
from penstock.state.adapters.postgres.leases import PostgresLeases
from penstock.state.adapters.postgres.migrations import (
    all_migrations,
    migrate,
    prepare_shards,
)
from penstock.state.adapters.postgres.operations import PostgresOperations
from penstock.state.adapters.postgres.schedule_rows import ScheduleWriter
from penstock.state.adapters.postgres.sweep_lock import SweepLock
from penstock.state.adapters.postgres.tasks import PostgresTasks
from penstock.state.adapters.postgres.workflows import PostgresWorkflows
from penstock.state.keeping.opening import keeping_over
from penstock.state.metrics import StateMetrics
from penstock.state.payloads.store import open_payloads
from penstock.state.ports import TaskFilter
from penstock.state.settings import Settings
from penstock.workflow.compile import compile_source
from support.postgres import open_postgres
from support.state_rows import FAILED, an_id, batch_of, end, start, write

SHARDS = 4
FLOW = """
flow: 1
id: orders
retention: {completed: 1h, failed: forever}
nodes: {a: {run: "return 1"}}
"""
HOUR_S, DAY_S = 3_600, 86_400
NOW_S = 2_000_000_000


class TurnedClock:
    def __init__(self):
        self.now_s = NOW_S

    def now_us(self):
        return self.now_s * 1_000_000

    def monotonic(self):
        return float(self.now_s)


class World:
    """A database, a payload folder and a sweeper."""

    def __init__(self, url, database, folder):
        self.url = url
        self.folder = Path(folder)
        self.clock = TurnedClock()
        self.payloads = open_payloads(f"file://{folder}")
        self.journal = PostgresJournal(url)
        self.executions = PostgresExecutions(database)
        self.operations = PostgresOperations(database)
        self.database = database
        self.workflows = PostgresWorkflows(database, ScheduleWriter(SHARDS))
        self.settings = Settings(database_url=url, payload_grace_s=DAY_S)
        self.head = 0

    def sweeper(self):
        return self.keeping().sweeper

    def keeping(self):
        return keeping_over(
            self.settings,
            self.database,
            self.payloads,
            self.workflows,
            (self.clock, StateMetrics()),
            lambda source: compile_source(source, catalog()),
        )

    async def commit(self, *records):
        batch = batch_of(write(1, 1, self.head + 1, *records))
        assert await self.journal.commit(batch) == {1}
        self.head += len(records)

    def age(self, digest, seconds):
        """As if a payload had been stored that long ago."""
        (path,) = self.folder.rglob(f"{digest}.zst")
        at_s = self.clock.now_s - seconds
        os.utime(path, (at_s, at_s))

    async def is_stored(self, digest):
        try:
            await self.payloads.get("default", digest)
        except NotFound:
            return False
        return True


@pytest.fixture(scope="module")
def server():
    with open_postgres() as running:
        yield running


@pytest.fixture
async def world(server, tmp_path):
    name = f"t{uuid.uuid4().hex}"
    url = server.create_database(name)
    await migrate(url)
    await prepare_shards(url, SHARDS)
    async with open_database(url, 4) as database:
        leases = PostgresLeases(database)
        await leases.join("c1", "h:1", 60_000)
        await leases.acquire("c1", range(SHARDS))
        made = World(url, database, tmp_path)
        await made.workflows.put(
            "default", Workflow(name="orders", definition_hash="h", source=FLOW)
        )
        yield made
        made.journal.close()
    server.drop_database(name)


def ended(number, ago_s, status=2):
    record = end(number, 3, status)
    record.projection.finished_unix_us = (NOW_S - ago_s) * 1_000_000
    return record


def referring(record, digest):
    body = EventBatch.FromString(record.body)
    output = body.events.add().node_completed.output
    output.ref.digest, output.ref.size_bytes = digest, 70_000
    record.body = body.SerializeToString()
    return record


async def left(world):
    found = [await world.executions.find("default", an_id(n)) for n in range(1, 9)]
    return [int(row.execution_id[3:]) for row in found if row is not None]


async def test_what_the_workflow_says_is_done(world):
    await world.commit(*(start(n) for n in (1, 2, 3, 4)))
    await world.commit(ended(1, 2 * HOUR_S), ended(2, 60), ended(3, 9 * DAY_S, FAILED))
    sweeper, preview = world.keeping()
    due = await preview.now("default")
    assert [(policy.workflow, count) for policy, count in due.executions] == [("orders", 1)]
    assert (due.payloads, due.exact) == (0, True)
    assert (await preview.now("other")).executions == ()
    assert (await preview.now()).executions == due.executions
    assert await left(world) == [1, 2, 3, 4]
    assert await sweeper.sweep_executions() == 1
    assert [count for _, count in (await preview.now()).executions] == [0]
    assert await left(world) == [2, 3, 4]
    world.clock.now_s += 2 * HOUR_S
    assert await sweeper.sweep_executions() == 1
    assert await left(world) == [3, 4]


async def test_where_it_says_nothing_the_server_does_and_by_default_nothing_goes(world):
    await world.commit(start(1, workflow="prices"), ended(1, 90 * DAY_S))
    bare = FLOW.replace("orders", "prices").replace(
        "retention: {completed: 1h, failed: forever}\n", ""
    )
    await world.workflows.put("default", Workflow(name="prices", definition_hash="p", source=bare))
    assert await world.sweeper().sweep_executions() == 0
    world.settings = Settings(database_url=world.url, retain_completed_s=float(DAY_S))
    assert await world.sweeper().sweep_executions() == 1
    assert await left(world) == []


async def test_what_the_workflow_keeps_for_ever_the_server_does_not_remove(world):
    await world.commit(start(1), ended(1, 90 * DAY_S, FAILED))
    world.settings = Settings(database_url=world.url, retain_failed_s=float(DAY_S))
    assert await world.sweeper().sweep_executions() == 0
    assert await left(world) == [1]


async def test_a_preview_that_has_looked_at_enough_says_that_there_may_be_more(world):
    await world.commit(start(1), ended(1, 2 * HOUR_S))
    preview = world.keeping().preview
    assert (await preview.now(most=1)).exact
    due = await preview.now(most=0)
    assert ([count for _, count in due.executions], due.exact) == ([0], False)


async def an_operation(world, number, ended_ago_s=None):
    operation = Operation(
        id=an_id(number),
        state=OPERATION_STATE_RUNNING,
        created_unix_us=(NOW_S - 90 * DAY_S) * 10**6,
    )
    stored = StoredOperation(tenant="default", operation=operation, revision=1)
    await world.operations.create(stored, 1)
    if ended_ago_s is not None:
        operation.state = OPERATION_STATE_COMPLETED
        operation.ended_unix_us = (NOW_S - ended_ago_s) * 10**6
        stored.operation.CopyFrom(operation)
        await world.operations.save(stored)


async def operations_left(world):
    found = await world.operations.page("default", None, 10)
    return sorted(int(each.operation.id[3:]) for each in found)


async def test_operations_go_a_while_after_their_end(world):
    for number, ended_ago_s in ((1, 31 * DAY_S), (2, 29 * DAY_S), (3, None), (4, 40 * DAY_S)):
        await an_operation(world, number, ended_ago_s)
    sweeper, preview = world.keeping()
    assert (await preview.now("default")).operations == 2
    assert (await preview.now("other")).operations == 0
    assert (await preview.now()).operations == 2
    assert await sweeper.sweep_operations(most=1) == 1
    assert await operations_left(world) == [1, 2, 3]
    assert await sweeper.sweep_operations() == 1
    assert await operations_left(world) == [2, 3]
    world.clock.now_s += 2 * DAY_S
    assert await sweeper.sweep_operations() == 1
    assert await operations_left(world) == [3]


async def test_operations_are_kept_for_ever_if_the_settings_say_so(world):
    await an_operation(world, 1, 80 * DAY_S)
    world.settings = Settings(database_url=world.url, retain_operations_s=0.0)
    sweeper, preview = world.keeping()
    assert (await preview.now()).operations == 0
    assert await sweeper.sweep_operations() == 0
    assert await operations_left(world) == [1]


async def test_a_payload_goes_after_the_last_execution_that_refers_to_it(world):
    shared = (await world.payloads.put("default", b'"' + b"x" * 70_000 + b'"')).digest
    alone = (await world.payloads.put("default", b'"' + b"y" * 70_000 + b'"')).digest
    young = (await world.payloads.put("default", b'"' + b"z" * 70_000 + b'"')).digest
    for digest in (shared, alone):
        world.age(digest, 3 * DAY_S)
    world.age(young, 60)
    await world.commit(
        referring(referring(start(1), shared), alone), referring(start(2), shared), start(3)
    )
    await world.commit(ended(1, 2 * HOUR_S), ended(2, 2 * HOUR_S - 1800))
    sweeper = world.sweeper()
    world.clock.now_s -= 1_200 + HOUR_S
    assert await sweeper.sweep_executions() == 0
    world.clock.now_s += HOUR_S + 1_199
    assert await sweeper.sweep_executions() == 2
    swept = await sweeper.collect_garbage()
    assert (swept.payloads, swept.marked) == (0, 2)
    assert await world.is_stored(shared)
    world.clock.now_s += 2 * DAY_S
    world.age(young, 60)
    swept = await sweeper.collect_garbage()
    assert swept.payloads == 2
    assert not await world.is_stored(shared)
    assert not await world.is_stored(alone)
    assert await world.is_stored(young)


async def test_a_payload_shared_by_two_survives_the_deletion_of_one(world):
    shared = (await world.payloads.put("default", b'"' + b"x" * 70_000 + b'"')).digest
    world.age(shared, 9 * DAY_S)
    await world.commit(referring(start(1), shared), referring(start(2), shared))
    await world.commit(ended(1, 2 * HOUR_S))
    sweeper = world.sweeper()
    assert await sweeper.sweep_executions() == 1
    for _ in range(3):
        await sweeper.collect_garbage()
        world.clock.now_s += 2 * DAY_S
    assert await world.is_stored(shared)


async def test_a_payload_that_is_stored_again_stays(world):
    plain = b'"' + b"x" * 70_000 + b'"'
    digest = (await world.payloads.put("default", plain)).digest
    world.age(digest, 9 * DAY_S)
    sweeper = world.sweeper()
    assert (await sweeper.collect_garbage()).marked == 1
    await world.payloads.put("default", plain)
    world.age(digest, 9 * DAY_S)
    world.clock.now_s += 2 * DAY_S
    swept = await sweeper.collect_garbage()
    assert (swept.payloads, swept.marked) == (0, 1)
    assert await world.is_stored(digest)


async def test_a_kill_between_object_and_mark_is_made_up_for(world):
    digest = (await world.payloads.put("default", b'"' + b"x" * 70_000 + b'"')).digest
    world.age(digest, 9 * DAY_S)
    sweeper = world.sweeper()
    await sweeper.collect_garbage()
    (path,) = world.folder.rglob(f"{digest}.zst")
    path.unlink()
    world.clock.now_s += 2 * DAY_S
    assert (await sweeper.collect_garbage()).payloads == 1
    await world.payloads.put("default", b'"' + b"x" * 70_000 + b'"')
    assert await world.is_stored(digest)


async def test_older_rows_are_read_before_anything_is_removed(world):
    digest = (await world.payloads.put("default", b'"' + b"x" * 70_000 + b'"')).digest
    world.age(digest, 9 * DAY_S)
    await world.commit(referring(start(1), digest))
    async with world.database.session() as session:
        await session.execute("DELETE FROM payload_refs")
        await session.execute("INSERT INTO payload_backlog VALUES (1, 0, $1)", world.head)
    sweeper = world.sweeper()
    for _ in range(2):
        await sweeper.collect_garbage()
        world.clock.now_s += 2 * DAY_S
    assert await world.is_stored(digest)


async def test_an_update_takes_back_what_runs_that_have_ended_still_asked(world):
    asking = write(1, 1, 1, start(1), start(2), end(1, 3))
    for number in (1, 2, 3):  # 3 was removed
        asking.dues.tasks.add(
            execution_id=an_id(number),
            tenant="default",
            ref=NodeRef(node=0, attempt=1),
            opened_unix_us=5,
        )
    await world.journal.commit(batch_of(asking))
    (left_over,) = [each.sql for each in all_migrations() if "left_over" in each.name]
    async with world.database.session() as session:
        await session.execute(left_over)
    left = await PostgresTasks(world.database).page("default", TaskFilter(), None, 10)
    assert [row.execution_id for row in left] == [an_id(2)]


async def test_one_process_sweeps_and_the_next_one_takes_over(world):
    one, two = SweepLock(world.url), SweepLock(world.url)
    assert await one.held()
    assert await one.held()
    assert not await two.held()
    one.close()
    async with asyncio.timeout(5):
        while not await two.held():
            await asyncio.sleep(0.01)
    two.close()
