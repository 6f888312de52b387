"""One suite over two databases: PostgreSQL and its twin in memory."""

import uuid

import pytest

from penstock.state.adapters.postgres.children import PostgresChildren
from penstock.state.adapters.postgres.database import open_database
from penstock.state.adapters.postgres.dead_letters import PostgresDeadLetters
from penstock.state.adapters.postgres.executions import PostgresExecutions
from penstock.state.adapters.postgres.garbage import PostgresGarbage
from penstock.state.adapters.postgres.journal import PostgresJournal, PostgresJournalReader
from penstock.state.adapters.postgres.leases import PostgresLeases
from penstock.state.adapters.postgres.migrations import migrate, prepare_shards
from penstock.state.adapters.postgres.notices import PostgresNotices
from penstock.state.adapters.postgres.operations import PostgresOperations
from penstock.state.adapters.postgres.retention import PostgresRetention
from penstock.state.adapters.postgres.schedule_rows import ScheduleWriter
from penstock.state.adapters.postgres.schedules import PostgresSchedules
from penstock.state.adapters.postgres.search import PostgresSearch
from penstock.state.adapters.postgres.tasks import PostgresTasks
from penstock.state.adapters.postgres.usage import PostgresUsage
from penstock.state.adapters.postgres.workflows import PostgresWorkflows
from support.postgres import open_postgres
from support.state_stores import SHARDS, Stores, in_memory


@pytest.fixture(scope="session")
def postgres():
    with open_postgres() as server:
        yield server


@pytest.fixture(params=["memory", "postgres"])
async def stores(request):
    if request.param == "memory":
        yield in_memory()
        return
    server = request.getfixturevalue("postgres")
    name = f"t{uuid.uuid4().hex}"
    url = server.create_database(name)
    await migrate(url)
    await prepare_shards(url, SHARDS)
    journal = PostgresJournal(url)
    async with open_database(url, 4) as database:

        async def let_time_pass(milliseconds: int) -> None:
            async with database.session() as session:
                await session.execute(
                    "UPDATE members SET renewed_at = renewed_at - make_interval(secs => $1 / 1e3)",
                    milliseconds,
                )

        yield Stores(
            journal,
            PostgresJournalReader(database),
            PostgresExecutions(database),
            PostgresLeases(database),
            PostgresWorkflows(database, ScheduleWriter(SHARDS)),
            PostgresNotices(database),
            PostgresChildren(database),
            PostgresSchedules(database, SHARDS),
            PostgresTasks(database),
            let_time_pass,
            PostgresSearch(database, steps_max=2_000),
            PostgresDeadLetters(database),
            PostgresRetention(database),
            PostgresGarbage(database),
            PostgresOperations(database),
            PostgresUsage(database),
        )
    journal.close()
    server.drop_database(name)


@pytest.fixture
async def lease(stores):
    """Epoch under which the test may write every shard."""
    await stores.leases.join("c1", "h:1", 60_000)
    granted = await stores.leases.acquire("c1", range(SHARDS))
    assert {one.epoch for one in granted} == {1}
    return 1
