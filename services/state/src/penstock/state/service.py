"""The state service put together: stores over PostgreSQL, the writer, the publisher, the gRPC
services."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from penstock.common.clock import SystemClock
from penstock.common.errors import Unavailable
from penstock.common.metrics import open_metrics
from penstock.common.rpc.server import RunningServer, open_server
from penstock.nodes import catalog
from penstock.state.adapters.postgres.children import PostgresChildren
from penstock.state.adapters.postgres.database import open_database
from penstock.state.adapters.postgres.dead_letters import PostgresDeadLetters
from penstock.state.adapters.postgres.executions import PostgresExecutions
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
from penstock.state.journal.batch import Compression
from penstock.state.journal.publisher import Publisher
from penstock.state.journal.writer import JournalWriter
from penstock.state.keeping.opening import keeping_over, sweeping
from penstock.state.metrics import StateMetrics
from penstock.state.payloads.store import open_payloads
from penstock.state.reading.executions import ExecutionReader
from penstock.state.reading.heavy import HeavyReads
from penstock.state.reading.history import HistoryReader
from penstock.state.reading.plans import PlanCache
from penstock.state.rpc.children_service import ChildrenService
from penstock.state.rpc.debug_service import DebugQueryService
from penstock.state.rpc.effect_service import EffectService
from penstock.state.rpc.history_service import HistoryQueryService
from penstock.state.rpc.journal_service import JournalService
from penstock.state.rpc.notice_service import NoticeService
from penstock.state.rpc.operation_service import OperationStoreService
from penstock.state.rpc.payload_service import PayloadService
from penstock.state.rpc.query_service import QueryService
from penstock.state.rpc.register import SERVICES, registration
from penstock.state.rpc.retention_service import RetentionService
from penstock.state.rpc.schedule_store import ScheduleStoreService
from penstock.state.rpc.search_service import DeadLetterStoreService, SearchService
from penstock.state.rpc.task_service import TaskQueryService
from penstock.state.rpc.usage_service import UsageService
from penstock.state.settings import Settings
from penstock.state.waiting import Waiting
from penstock.workflow.compile import compile_source
from penstock.workflow.execution.tables import tables_of
from penstock.workflow.node_type import NodeType
from penstock.workflow.plan import Plan

_DRAIN_S = 5.0
_UNANSWERED_BYTES_MAX = 64 * 1024 * 1024
"""What one append stream may have unanswered before it is read no further."""


async def prepare_database(settings: Settings, stop: asyncio.Event) -> bool:
    """Bring schema and shards up to date, waiting as long as PostgreSQL is away; False if stopped
    meanwhile. Raises `BadSettings` if its URL cannot be used."""
    waiting = Waiting()
    while not stop.is_set():
        try:
            if settings.migrate_on_start:
                await migrate(settings.database_url)
            await prepare_shards(settings.database_url, settings.shard_count)
        except Unavailable as error:
            await waiting.pause(stop, error.message)
        else:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Journal:
    """The parts that write."""

    store: PostgresJournal
    writer: JournalWriter
    publisher: Publisher


def _build_journal(
    settings: Settings, reader: PostgresJournalReader, metrics: StateMetrics
) -> Journal:
    store = PostgresJournal(settings.database_url)
    publisher = Publisher(
        reader,
        metrics,
        shard_count=settings.shard_count,
        queue_rows_max=settings.publish_queue_rows,
        recent_rows=settings.republish_recent_rows,
    )
    writer = JournalWriter(
        store,
        Compression(settings.compress_above_bytes),
        metrics,
        publisher.offer if settings.nats_url else lambda _batch: None,
        rows_max=settings.append_rows_max,
        bytes_max=settings.append_bytes_max,
    )
    return Journal(store, writer, publisher)


@asynccontextmanager
async def _running(journal: Journal, nats_url: str) -> AsyncIterator[None]:
    """Writer and publisher at work; at the end what is queued gets a few seconds to be written."""
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(journal.writer.run())
        publishing = tasks.create_task(journal.publisher.run(nats_url)) if nats_url else None
        try:
            yield
        finally:
            journal.writer.close()
            await asyncio.wait([writing], timeout=_DRAIN_S)
            writing.cancel()
            if publishing is not None:
                publishing.cancel()
    journal.store.close()


def _compiled(types: Mapping[str, NodeType], source: str) -> Plan:
    """The plan with its tables: both take long for a large file, and this is not in the loop."""
    plan = compile_source(source, types)
    tables_of(plan)
    return plan


@asynccontextmanager
async def open_state(
    settings: Settings, stop: asyncio.Event
) -> AsyncIterator[RunningServer | None]:
    """The whole service, serving until the block ends; None if `stop` was set before it could
    serve."""
    if not await prepare_database(settings, stop):
        yield None
        return
    metrics, clock = StateMetrics(), SystemClock()
    payloads = open_payloads(settings.payload_url)
    async with AsyncExitStack() as stack:
        stack.enter_context(open_metrics(settings.metrics_listen, metrics.registry))
        database = await stack.enter_async_context(
            open_database(settings.database_url, settings.database_connections)
        )
        reader = PostgresJournalReader(database)
        journal = _build_journal(settings, reader, metrics)
        await stack.enter_async_context(_running(journal, settings.nats_url))
        executions = PostgresExecutions(database)
        workflows = PostgresWorkflows(database, ScheduleWriter(settings.shard_count))
        types = catalog()
        compiled = partial(_compiled, types)
        plans = PlanCache(workflows, compiled)
        keeping = keeping_over(settings, database, payloads, workflows, (clock, metrics), compiled)
        await stack.enter_async_context(sweeping(keeping.sweeper, settings, clock))
        notices = PostgresNotices(database)
        heavy = HeavyReads()
        reading = ExecutionReader(executions, plans, notices, heavy)
        register = registration(
            JournalService(
                journal.writer,
                reader,
                PostgresLeases(database),
                shard_count=settings.shard_count,
                unanswered_bytes_max=_UNANSWERED_BYTES_MAX,
                on_stream=journal.publisher.look_again,
            ),
            QueryService(reading, executions, workflows),
            PayloadService(payloads),
            HistoryQueryService(HistoryReader(reading, workflows, plans, payloads)),
            NoticeService(notices),
            ChildrenService(PostgresChildren(database), executions, plans),
            SearchService(PostgresSearch(database), workflows, clock),
            DeadLetterStoreService(PostgresDeadLetters(database), clock),
            ScheduleStoreService(PostgresSchedules(database, settings.shard_count)),
            OperationStoreService(
                PostgresOperations(database),
                PostgresRetention(database),
                shard_count=settings.shard_count,
            ),
            DebugQueryService(reading),
            TaskQueryService(PostgresTasks(database)),
            UsageService(PostgresUsage(database)),
            EffectService(executions, plans, heavy),
            RetentionService(keeping.preview),
        )
        yield await stack.enter_async_context(
            open_server(settings.listen, register, services=SERVICES)
        )
