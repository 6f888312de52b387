"""What the routes work with, handed to them through the application's state."""

import dataclasses
from collections.abc import Awaitable, Callable

from penstock.gateway.batch_ports import BatchOperations
from penstock.gateway.debug_door import DebugDoor
from penstock.gateway.finding_ports import DeadLetters, Finding
from penstock.gateway.history_door import HistoryDoor
from penstock.gateway.hub import Hub
from penstock.gateway.intervention_ports import Interventions
from penstock.gateway.limits_door import LimitsDoor
from penstock.gateway.metrics import Metrics
from penstock.gateway.ports import Audits, Children, Commands, Reads, Retention
from penstock.gateway.requests import Connection
from penstock.gateway.schedule_ports import Schedules
from penstock.gateway.scheduling_door import SchedulingDoor
from penstock.gateway.schema import HealthReport
from penstock.gateway.task_ports import Effects, Tasks


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
