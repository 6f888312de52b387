"""What the routes work with, handed to them through the application's state."""

import dataclasses
from collections.abc import Awaitable, Callable

from penstock.gateway.http.requests import Connection
from penstock.gateway.live.hub import Hub
from penstock.gateway.metrics import Metrics
from penstock.gateway.ports.audit import Audits
from penstock.gateway.ports.batch import BatchOperations
from penstock.gateway.ports.children import Children
from penstock.gateway.ports.debug import DebugDoor
from penstock.gateway.ports.executions import Commands, Reads
from penstock.gateway.ports.finding import DeadLetters, Finding
from penstock.gateway.ports.history import HistoryDoor
from penstock.gateway.ports.interventions import Interventions
from penstock.gateway.ports.limits import LimitsDoor
from penstock.gateway.ports.retention import Retention
from penstock.gateway.ports.schedules import Schedules
from penstock.gateway.ports.scheduling import SchedulingDoor
from penstock.gateway.ports.tasks import Effects, Tasks
from penstock.gateway.shapes.executions import HealthReport


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything a route can need."""

    commands: Commands
    reads: Reads
    hub: Hub
    metrics: Metrics
    audits: Audits
    history: HistoryDoor
    children: Children
    scheduling: SchedulingDoor
    debug: DebugDoor
    limits: LimitsDoor
    health: Callable[[], Awaitable[HealthReport]]
    interventions: Interventions
    finding: Finding
    dead_letters: DeadLetters
    schedules: Schedules
    batch: BatchOperations
    tasks: Tasks
    effects: Effects
    retention: Retention


def doors_of(connection: Connection) -> Doors:
    """The doors of the application that serves this connection."""
    doors: Doors = connection.scope["litestar_app"].state["doors"]
    return doors
