"""The application: routes, problems for everything that goes wrong, and the edge around it."""

from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from penstock.common.errors import Internal, PenstockError
from penstock.common.logging import get_logger
from penstock.gateway.http.edge import Edge, trace_id
from penstock.gateway.http.execution_names import told_by_name
from penstock.gateway.http.problems import (
    PROBLEM_JSON,
    encode_problem,
    error_of_http,
    problem_headers,
)
from penstock.gateway.http.requests import BODY_BYTES_MAX
from penstock.gateway.http.slashes import with_slashes
from penstock.gateway.ports.doors import Doors
from penstock.gateway.routes.audit import AUDIT_ROUTES
from penstock.gateway.routes.batch import BATCH_ROUTES
from penstock.gateway.routes.children import CHILDREN_ROUTES
from penstock.gateway.routes.dead_letters import DEAD_LETTER_ROUTES
from penstock.gateway.routes.debug import DEBUG_ROUTES
from penstock.gateway.routes.effects import EFFECT_ROUTES
from penstock.gateway.routes.events import EVENT_ROUTES
from penstock.gateway.routes.executions import EXECUTION_ROUTES
from penstock.gateway.routes.history import HISTORY_ROUTES
from penstock.gateway.routes.interventions import INTERVENTION_ROUTES
from penstock.gateway.routes.limits import LIMIT_ROUTES
from penstock.gateway.routes.operations import OPERATION_ROUTES
from penstock.gateway.routes.retention import RETENTION_ROUTES
from penstock.gateway.routes.schedules import SCHEDULE_ROUTES
from penstock.gateway.routes.scheduling import SCHEDULING_ROUTES
from penstock.gateway.routes.search import SEARCH_ROUTES
from penstock.gateway.routes.tasks import TASK_ROUTES
from penstock.gateway.routes.workflows import WORKFLOW_ROUTES

_ROUTES = (
    *WORKFLOW_ROUTES,
    *EXECUTION_ROUTES,
    *SCHEDULING_ROUTES,
    *LIMIT_ROUTES,
    *SEARCH_ROUTES,
    *DEAD_LETTER_ROUTES,
    *BATCH_ROUTES,
    *EVENT_ROUTES,
    *AUDIT_ROUTES,
    *HISTORY_ROUTES,
    *DEBUG_ROUTES,
    *INTERVENTION_ROUTES,
    *TASK_ROUTES,
    *EFFECT_ROUTES,
    *CHILDREN_ROUTES,
    *SCHEDULE_ROUTES,
    *OPERATION_ROUTES,
    *RETENTION_ROUTES,
)


def _answer(request: Request[Any, Any, Any], error: PenstockError) -> Response[bytes]:
    return Response(
        encode_problem(error, with_slashes(request.scope["path"]), trace_id()),
        status_code=error.http_status,
        media_type=PROBLEM_JSON,
        headers=problem_headers(error),
    )


def _on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The problem for whatever a route has raised; faults of our own are logged and hidden."""
    if isinstance(error, PenstockError):
        return _answer(request, told_by_name(request, error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _answer(request, error_of_http(error, request.method, request.scope["path"]))
    get_logger("gateway").error("request_failed", path=request.scope["path"], exc_info=error)
    return _answer(request, Internal(fix="Look for the trace id in the gateway's log."))


def build_app(doors: Doors, *, access_log: bool = False) -> ASGIApp:
    """The ASGI application that serves through `doors`."""
    app = Litestar(
        list(_ROUTES),
        state=State({"doors": doors}),
        exception_handlers={Exception: _on_error},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=BODY_BYTES_MAX,
        pdb_on_exception=False,
        debug=False,
    )
    return Edge(app, doors.metrics, access_log=access_log)
