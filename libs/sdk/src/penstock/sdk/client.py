"""The REST client: one method per thing a user does."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec

from penstock.sdk.audit import AuditClient
from penstock.sdk.children import ChildrenClient
from penstock.sdk.dead_letters import DeadLetterClient
from penstock.sdk.debug import DebugClient
from penstock.sdk.errors import UnavailableError
from penstock.sdk.history import HistoryClient
from penstock.sdk.interventions import Interventions
from penstock.sdk.limits import LimitClient
from penstock.sdk.models import (
    Applied,
    Cancelled,
    EventMessage,
    Execution,
    ExecutionCount,
    ExecutionPage,
    HeartbeatMessage,
    NodeState,
    SnapshotMessage,
    Started,
    Validation,
    WatchMessage,
    Workflow,
    WorkflowPage,
)
from penstock.sdk.operations import OperationClient
from penstock.sdk.retention import RetentionClient
from penstock.sdk.schedules import Schedules
from penstock.sdk.scheduling import SchedulingClient
from penstock.sdk.sse import SseParser
from penstock.sdk.start_options import StartOptions
from penstock.sdk.tasks import Tasks
from penstock.sdk.transport import Call, Transport, backoff_s, open_transport

_YAML = {"Content-Type": "application/yaml"}
_JSON = {"Content-Type": "application/json"}
_IDLE_S = 45.0
_RECONNECTS_MAX = 30

_decode_message = msgspec.json.Decoder(SnapshotMessage | EventMessage | HeartbeatMessage).decode


_NO_OPTIONS = StartOptions()


def _segment(text: str) -> str:
    return quote(text, safe="")


def _ignore(_connected: bool) -> None:
    """Tell nobody."""


class _Link:
    """Whether a watch is connected; each change is told once."""

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell
        self._connected = True

    def now(self, connected: bool) -> None:
        """It is, or is not, from now on."""
        if connected != self._connected:
            self._connected = connected
            self._tell(connected)


class Client:
    """Talks to one gateway. Every method raises a subclass of `ApiError`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.audit = AuditClient(transport)
        self.history = HistoryClient(transport)
        self.debug = DebugClient(self, transport)
        self.interventions = Interventions(transport)
        self.tasks = Tasks(transport)
        self.children = ChildrenClient(transport)
        self.dead_letters = DeadLetterClient(transport)
        self.scheduling = SchedulingClient(transport)
        self.retention = RetentionClient(transport)
        self.limits = LimitClient(transport)
        self.schedules = Schedules(transport)
        self.operations = OperationClient(transport)

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._transport.url

    async def health(self) -> dict[str, Any]:
        """What the gateway says about itself and its components, also when it cannot serve."""
        call = Call("GET", "/health", answers_503=True)
        return await self._transport.ask(call, dict[str, Any])

    async def validate(self, source: str) -> Validation:
        """Check a workflow file; executes nothing."""
        call = Call("POST", "/v1/workflows/validate", headers=_YAML, body=source.encode())
        return await self._transport.ask(call, Validation)

    async def apply(self, source: str) -> Applied:
        """Store a workflow file as a new version, or find the version with the same content."""
        call = Call("POST", "/v1/workflows", headers=_YAML, body=source.encode())
        return await self._transport.ask(call, Applied)

    async def get_workflow(self, name: str, version: int = 0) -> Workflow:
        """One version with its source; the latest if `version` is 0."""
        path = f"/v1/workflows/{_segment(name)}"
        query = {"version": str(version)} if version else {}
        return await self._transport.ask(Call("GET", path, query), Workflow)

    async def list_workflows(self, limit: int = 50, cursor: str = "") -> WorkflowPage:
        """The latest version of each workflow, by name."""
        query = _query(limit=str(limit), cursor=cursor)
        return await self._transport.ask(Call("GET", "/v1/workflows", query), WorkflowPage)

    async def list_versions(self, name: str, limit: int = 50, cursor: str = "") -> WorkflowPage:
        """The versions of one workflow, newest first."""
        path = f"/v1/workflows/{_segment(name)}/versions"
        query = _query(limit=str(limit), cursor=cursor)
        return await self._transport.ask(Call("GET", path, query), WorkflowPage)

    async def start(  # noqa: PLR0913 - each is an option of a start
        self,
        workflow: str,
        params: Mapping[str, Any] | None = None,
        *,
        trigger: Any = None,
        tags: Sequence[str] = (),
        version: int = 0,
        idempotency_key: str = "",
        options: StartOptions = _NO_OPTIONS,
    ) -> Started:
        """Start one execution; returns when the start is on disk.

        Without a key (and an id in `options`) one is made up, so that a repeat after a lost answer
        starts nothing twice.
        """
        body: dict[str, Any] = {"params": dict(params or {}), **msgspec.to_builtins(options)}
        if trigger is not None:
            body["trigger"] = trigger
        if tags:
            body["tags"] = list(tags)
        if version:
            body["version"] = version
        call = Call(
            "POST",
            f"/v1/workflows/{_segment(workflow)}/executions",
            headers=_start_headers(idempotency_key, options),
            body=msgspec.json.encode(body),
        )
        return await self._transport.ask(call, Started)

    async def get_execution(self, execution_id: str) -> Execution:
        """One execution with its nodes."""
        path = f"/v1/executions/{_segment(execution_id)}"
        return await self._transport.ask(Call("GET", path), Execution)

    async def get_node(self, execution_id: str, node: str) -> NodeState:
        """One node of an execution with its output, also where the execution shows it as
        `{"$node": id}` since its outputs are too large together."""
        path = f"/v1/executions/{_segment(execution_id)}/nodes/{_segment(node)}"
        return await self._transport.ask(Call("GET", path), NodeState)

    async def list_executions(  # noqa: PLR0913 - each is a condition of its own
        self,
        where: str = "",
        *,
        workflow: str = "",
        status: str = "",
        tag: str = "",
        order: str = "",
        limit: int = 50,
        cursor: str = "",
    ) -> ExecutionPage:
        """Executions that a query finds, newest first unless `order` is oldest. A page that took
        long to find may be short, or empty, and yet go on."""
        query = _query(
            q=where, workflow=workflow, status=status, tag=tag, order=order, limit=str(limit),
            cursor=cursor,
        )  # fmt: skip
        return await self._transport.ask(Call("GET", "/v1/executions", query), ExecutionPage)

    async def count_executions(
        self,
        where: str = "",
        *,
        workflow: str = "",
        status: str = "",
        tag: str = "",
        most: int = 10_000,
    ) -> ExecutionCount:
        """How many executions a query finds, counted up to `most`."""
        query = _query(q=where, workflow=workflow, status=status, tag=tag, limit=str(most))
        return await self._transport.ask(Call("GET", "/v1/executions/count", query), ExecutionCount)

    async def cancel(self, execution_id: str, reason: str = "") -> Cancelled:
        """End an execution; cancelling one that has ended changes nothing."""
        path = f"/v1/executions/{_segment(execution_id)}/cancel"
        body = msgspec.json.encode({"reason": reason})
        return await self._transport.ask(Call("POST", path, headers=_JSON, body=body), Cancelled)

    async def delete_execution(self, execution_id: str) -> None:
        """Remove an execution that has ended, with everything of it."""
        await self._transport.ask_bytes(Call("DELETE", f"/v1/executions/{_segment(execution_id)}"))

    async def signal(
        self, execution_id: str, name: str, payload: Any = None, *, signal_id: str = ""
    ) -> None:
        """Hand data to an execution; returns when it is on disk."""
        path = f"/v1/executions/{_segment(execution_id)}/signals/{_segment(name)}"
        body = {"payload": payload, "id": signal_id or secrets.token_hex(16)}
        call = Call("POST", path, headers=_JSON, body=msgspec.json.encode(body))
        await self._transport.ask_bytes(call)

    async def payload(self, digest: str) -> bytes:
        """JSON text of a large value that came as `{"$ref": digest}`."""
        return await self._transport.ask_bytes(Call("GET", f"/v1/payloads/{_segment(digest)}"))

    async def wait(self, execution_id: str) -> Execution:
        """Return when the execution has ended."""
        async with aclosing(self.watch(execution_id)) as messages:
            async for message in messages:
                if _is_last(message):
                    break
        return await self.get_execution(execution_id)

    async def watch(
        self,
        execution_id: str,
        after_seq: int | None = None,
        *,
        tell_connected: Callable[[bool], None] = _ignore,
    ) -> AsyncGenerator[WatchMessage, None]:
        """A snapshot (left out if `after_seq` is given), then every event without gap or repeat,
        until the execution has ended. A lost connection is taken up again where it broke;
        `tell_connected` hears False when it is lost and True when it is back.

        Raises `UnavailableError` after the server was away for too long.
        """
        seen = after_seq
        attempt = 0
        link = _Link(tell_connected)
        while True:
            try:
                async with aclosing(self._stream(execution_id, seen, link)) as messages:
                    async for message in messages:
                        attempt = 0
                        if seen is not None and message.seq <= seen:
                            continue
                        seen = message.seq
                        yield message
                        if _is_last(message):
                            return
                link.now(False)
                if await self._is_over(execution_id, seen):
                    return
            except UnavailableError:
                link.now(False)
                if attempt >= _RECONNECTS_MAX:
                    raise
            await asyncio.sleep(backoff_s(attempt))
            attempt += 1

    async def _is_over(self, execution_id: str, seen: int | None) -> bool:
        """True if a stream that ended without news ended because there is none to come."""
        execution = await self.get_execution(execution_id)
        return execution.ended and execution.last_seq <= (seen or 0)

    async def _stream(
        self, execution_id: str, after: int | None, link: _Link
    ) -> AsyncGenerator[WatchMessage, None]:
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        path = f"/v1/executions/{_segment(execution_id)}/events"
        parser = SseParser()
        async with self._transport.stream(Call("GET", path, headers=headers), _IDLE_S) as answer:
            link.now(True)
            async for chunk in answer.content.iter_any():
                for sent in parser.feed(chunk):
                    message = _decode_message(sent.data)
                    if not isinstance(message, HeartbeatMessage):
                        yield message


def _start_headers(key: str, options: StartOptions) -> dict[str, str]:
    """An id names the start already; else a key does."""
    if options.id and not key:
        return dict(_JSON)
    return {**_JSON, "Idempotency-Key": key or secrets.token_hex(16)}


def _is_last(message: WatchMessage) -> bool:
    if isinstance(message, SnapshotMessage):
        return message.execution.ended
    return message.event.type == "EXECUTION_COMPLETED"


def _query(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


@asynccontextmanager
async def open_client(
    url: str, *, token: str = "", patience_s: float = 10.0
) -> AsyncIterator[Client]:
    """A client of the gateway at `url`. Requests that may be repeated are, for `patience_s` while
    the server is away."""
    async with open_transport(url, token, patience_s) as transport:
        yield Client(transport)
