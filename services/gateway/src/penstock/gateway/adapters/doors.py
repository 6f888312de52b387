"""The doors over gRPC: one adapter for each area."""

from collections.abc import Awaitable, Callable

from penstock.gateway.adapters.audit import Audits
from penstock.gateway.adapters.batch import CoordinatorOperations
from penstock.gateway.adapters.children import StateChildren
from penstock.gateway.adapters.coordinators import Coordinators
from penstock.gateway.adapters.debug import DebugCalls
from penstock.gateway.adapters.effects import StateEffects
from penstock.gateway.adapters.finding import CoordinatorDeadLetters, StateFinding
from penstock.gateway.adapters.history import HistoryCalls
from penstock.gateway.adapters.interventions import CoordinatorInterventions
from penstock.gateway.adapters.limits import Limits
from penstock.gateway.adapters.retention import StateRetention
from penstock.gateway.adapters.schedules import CoordinatorSchedules
from penstock.gateway.adapters.scheduling import Scheduling
from penstock.gateway.adapters.state import StateReads
from penstock.gateway.adapters.tasks import TaskCalls
from penstock.gateway.live.hub import Hub
from penstock.gateway.metrics import Metrics
from penstock.gateway.ports.doors import Doors
from penstock.gateway.shapes.executions import HealthReport


def doors_to(
    coordinators: Coordinators,
    reads: StateReads,
    hub: Hub,
    metrics: Metrics,
    health: Callable[[], Awaitable[HealthReport]],
) -> Doors:
    """Everything a route can need, at these coordinators and this state."""
    return Doors(
        commands=coordinators,
        reads=reads,
        hub=hub,
        metrics=metrics,
        audits=Audits(coordinators),
        children=StateChildren(reads.channel),
        history=HistoryCalls(coordinators, reads),
        debug=DebugCalls(coordinators, reads),
        interventions=CoordinatorInterventions(coordinators),
        scheduling=Scheduling(coordinators),
        limits=Limits(coordinators),
        schedules=CoordinatorSchedules(coordinators),
        tasks=TaskCalls(coordinators, reads.channel),
        effects=StateEffects(reads.channel),
        retention=StateRetention(reads.channel),
        health=health,
        finding=StateFinding(reads.channel),
        dead_letters=CoordinatorDeadLetters(coordinators),
        batch=CoordinatorOperations(coordinators),
    )
