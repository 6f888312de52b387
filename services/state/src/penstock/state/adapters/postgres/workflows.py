"""Workflow versions in PostgreSQL. The account is in the WHERE of every statement."""

import asyncpg
from google.protobuf.timestamp_pb2 import Timestamp

from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.state.adapters.postgres.database import Database
from penstock.state.adapters.postgres.queries import load_statements
from penstock.state.adapters.postgres.schedule_rows import ScheduleWriter
from penstock.state.ports import FileSchedules


def _workflow(row: asyncpg.Record) -> Workflow:
    created = Timestamp()
    created.FromDatetime(row["created_at"])
    return Workflow(
        name=row["name"],
        version=row["version"],
        definition_hash=row["definition_hash"],
        source=row["source"],
        description=row["description"],
        created_at=created,
        nodes=row["nodes"],
        params_schema_json=row["params_schema_json"],
    )


class PostgresWorkflows:
    """Implements `WorkflowStore`."""

    def __init__(self, database: Database, schedules: ScheduleWriter) -> None:
        self._database = database
        self._schedules = schedules
        self._sql = load_statements("workflows")

    async def put(
        self, tenant: str, workflow: Workflow, file: FileSchedules | None = None
    ) -> tuple[Workflow, bool]:
        """The workflow's row is locked from the look at the latest version to the commit of the
        next."""
        name = workflow.name
        async with self._database.transaction() as session:
            await session.execute(self._sql["ensure_workflow"], tenant, name)
            number = await session.fetchval(self._sql["lock_workflow"], tenant, name)
            if file is not None:
                await self._schedules.follow_file(session, tenant, name, file)
            latest = await session.fetchrow(self._sql["find_version"], tenant, name, number)
            if latest is not None and latest["definition_hash"] == workflow.definition_hash:
                return _workflow(latest), False
            await session.execute(
                self._sql["insert_version"],
                tenant,
                name,
                number + 1,
                workflow.definition_hash,
                workflow.source,
                workflow.description,
                list(workflow.nodes),
                workflow.params_schema_json,
            )
            await session.execute(self._sql["advance_workflow"], tenant, name, number + 1)
            stored = await session.fetchrow(self._sql["find_version"], tenant, name, number + 1)
        return _workflow(stored), True

    async def find(self, tenant: str, name: str, version: int) -> Workflow | None:
        """A version; 0 is the latest."""
        async with self._database.session() as session:
            if version == 0:
                row = await session.fetchrow(self._sql["find_latest_version"], tenant, name)
            else:
                row = await session.fetchrow(self._sql["find_version"], tenant, name, version)
        return None if row is None else _workflow(row)

    async def definition(self, tenant: str, definition_hash: str) -> str | None:
        """The source of any version with this content."""
        async with self._database.session() as session:
            source = await session.fetchval(self._sql["find_definition"], tenant, definition_hash)
        return None if source is None else str(source)

    async def page(self, tenant: str, after: str, limit: int) -> list[Workflow]:
        """Latest versions by name."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_workflows"], tenant, after, limit)
        return [_workflow(row) for row in rows]

    async def page_versions(
        self, tenant: str, name: str, before: int, limit: int
    ) -> list[Workflow]:
        """Versions, newest first."""
        async with self._database.session() as session:
            rows = await session.fetch(self._sql["list_versions"], tenant, name, before, limit)
        return [_workflow(row) for row in rows]
