"""What one account has, and how every route of the REST interface is asked about it: a table by the
operation ids of the OpenAPI document, for tests that let another account ask.

In paths, queries and bodies `{thing}` stands for the account's thing of that name.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Http = aiohttp.ClientSession
Things = dict[str, str]

FLOWS = """
flow: 1
id: owned-asks
tags: [owned-tag]
params: {owned_customer: {type: string, default: owned-ann, search: true}}
concurrency: {key: "owned-runs", limit: 100}
nodes:
  ask: {uses: approval@1, with: {title: "owned-question?", assignees: [owned-bob]}}
  pay: {run: "return 'owned-paid';", effects: once}
  call:
    uses: http@1
    with: {url: "http://127.0.0.1:9/owned"}
    breaker: {key: owned-bank, failure_threshold: 1, timeout: 1h}
    retry: {max_attempts: 1000, initial_delay: 1h}
  nobody: {run: "return 1;", pool: owned-pool}
---
flow: 1
id: owned-held
mode: debug
nodes:
  first: {run: "return 'owned-value';", breakpoint: before}
---
flow: 1
id: owned-fails
nodes:
  bad: {run: "throw new Error('owned-failure');"}
---
flow: 1
id: owned-parent
nodes:
  large: {run: "return 'owned'.repeat(20000);"}
  child: {uses: workflow@1, with: {workflow: owned-asks, wait: false}}
"""


@dataclass(frozen=True)
class Ask:
    """How an operation is asked: `{...}` of the path from `path`, else from the things."""

    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


_FAILED = {"execution_id": "{failed}"}
_HELD = {"execution_id": "{held}", "node": "first"}
_SOON = {"workflow": "{workflow}", "cron": "0 0 1 1 *"}
_PAGE = {"limit": "1", "cursor": "{cursor}"}
_SEARCH = {"q": "id:{execution}"}
_DAYS = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-03T00:00:00Z"}

ABOUT_NOBODY = frozenset(
    {"validateWorkflow", "validateWorkflowByPath", "previewSchedule", "getHealth", "getMetrics"}
)
"""Operations that concern no account's things."""

MAKES_OWN = frozenset({"applyWorkflow", "makeSchedule", "putSchedule"})
"""Operations that make a thing of the asking account under the name they are given."""

ASKS: dict[str, tuple[Ask, ...]] = {
    "listWorkflows": (Ask(), Ask(query=_PAGE)),
    "getWorkflow": (Ask(), Ask(query={"version": "1"})),
    "getWorkflowSource": (Ask(),),
    "listWorkflowVersions": (Ask(),),
    "startExecution": (Ask({}), Ask({"version": 1}), Ask({"id": "owned-name"})),
    "startAnyExecution": (Ask({"workflow": "{workflow}"}),),
    "listExecutions": (
        Ask(),
        Ask(query=_SEARCH),
        Ask(query={"workflow": "{workflow}"}),
        Ask(query={"tag": "owned-tag"}),
        Ask(query={"parent": "{parent}"}),
        Ask(query={"origin": "{failed}"}),
        Ask(query={"status": "RUNNING,FAILED"}),
        Ask(query={"dead_letter": "open"}),
        Ask(query={"failed_node": "bad"}),
        Ask(query={"params.owned_customer": "owned-ann"}),
        Ask(query=_PAGE),
    ),
    "countExecutions": (Ask(), Ask(query=_SEARCH), Ask(query={"status": "FAILED"})),
    "getExecution": (Ask(), Ask(query={"at_seq": "1"}), Ask(path={"execution_id": "owned-name"})),
    "getHistory": (Ask(), Ask(query={"after": "1"})),
    "getNode": (Ask(), Ask(path=_HELD)),
    "watchEvents": (Ask(), Ask(query={"after": "1"}), Ask(headers={"Last-Event-ID": "1"})),
    "watchSocket": (Ask(), Ask(query={"after": "1"})),
    "getAudit": (Ask(), Ask(query={"now": "true"})),
    "repairFindings": (
        Ask({"execution_id": "{execution}"}),
        Ask({"execution_id": "{execution}", "apply": True}),
    ),
    "compareExecutions": (
        Ask(path={"other_id": "{parent}"}),
        Ask(path={"execution_id": "{own}", "other_id": "{execution}"}),
        Ask(path={"other_id": "{own}"}),
    ),
    "listDerivedExecutions": (Ask(),),
    "rerunExecution": (Ask({"from": ["bad"]}, path=_FAILED),),
    "forkExecution": (Ask({"at_seq": 1}, path=_FAILED),),
    "compareVersions": (Ask(query={"from": "1", "to": "1"}),),
    "rollBackWorkflow": (Ask({"version": 1}),),
    "getDebug": (Ask(path=_HELD),),
    "attachDebugger": (Ask({}),),
    "setBreakpoints": (Ask({"breakpoints": [{"node": "first"}]}, path=_HELD),),
    "clearBreakpoint": (Ask(path=_HELD | {"breakpoint_id": "{breakpoint}"}),),
    "stopDebugged": (Ask(path=_HELD),),
    "inspectNode": (Ask(path=_HELD),),
    "editHeldInput": (Ask({"input": {}}, path=_HELD),),
    "editHeldOutput": (Ask({"output": 1}, path=_HELD),),
    "stepDebugged": (Ask({}, path=_HELD),),
    "runDebuggedTo": (Ask({"node": "first"}, path=_HELD),),
    "continueDebugged": (Ask(path=_HELD),),
    "detachDebugger": (Ask(path=_HELD),),
    "signalExecution": (Ask({"payload": 1}, path={"name": "go"}),),
    "pauseExecution": (Ask({}),),
    "resumeExecution": (Ask({}),),
    "interveneNode": (Ask({"operation": "retry"}, path=_FAILED | {"node": "bad"}),),
    "listTasks": (
        Ask(),
        Ask(query={"execution": "{execution}"}),
        Ask(query={"workflow": "{workflow}"}),
        Ask(query={"assignee": "owned-bob"}),
        Ask(query=_PAGE),
    ),
    "getTask": (Ask(),),
    "answerTask": (Ask({"decision": "approved"}),),
    "listEffects": (Ask(),),
    "listChildren": (Ask(path={"execution_id": "{parent}"}),),
    "explainExecution": (Ask(),),
    "listDeadLetters": (
        Ask(),
        Ask(query={"state": "open,retried,discarded"}),
        Ask(query={"q": "id:{failed}"}),
        Ask(query=_PAGE),
    ),
    "getDeadLetter": (Ask(path=_FAILED),),
    "discardDeadLetter": (Ask({}, path=_FAILED),),
    "restoreDeadLetter": (Ask(path=_FAILED),),
    "retryDeadLetter": (Ask({}, path=_FAILED),),
    "listQueues": (Ask(),),
    "listLimits": (Ask(),),
    "releasePermits": (Ask(),),
    "listBreakers": (Ask(),),
    "setBreaker": (
        Ask({"key": "{breaker}", "action": "reset"}),
        Ask({"key": "{breaker}", "action": "trip"}),
    ),
    "listSchedules": (Ask(), Ask(query={"workflow": "{workflow}"}), Ask(query=_PAGE)),
    "getSchedule": (Ask(),),
    "pauseSchedule": (Ask({}),),
    "resumeSchedule": (Ask({}),),
    "triggerSchedule": (Ask(), Ask(headers={"Idempotency-Key": "owned-key"})),
    "startBackfill": (Ask(_DAYS),),
    "listBackfills": (Ask(),),
    "cancelBackfill": (Ask(path={"backfill_id": "{backfill}"}),),
    "listOperations": (Ask(), Ask(query=_PAGE)),
    "startOperation": (
        Ask({"kind": "cancel", "ids": ["{execution}", "{held}"], "dry_run": True}),
        Ask({"kind": "cancel", "query": "id:{execution}", "dry_run": True}),
        Ask({"kind": "cancel", "query": "status:RUNNING", "dry_run": True}),
        Ask({"kind": "cancel", "ids": ["{execution}", "{held}"]}),
    ),
    "getOperation": (Ask(),),
    "cancelOperation": (Ask(),),
    "previewRetention": (Ask(),),
    "getPayload": (Ask(),),
    "applyWorkflow": (),
    "makeSchedule": (Ask(_SOON | {"id": "{id}"}),),
    "putSchedule": (Ask(_SOON),),
    "removeSchedule": (Ask(),),
    "cancelExecution": (Ask({}),),
    "deleteExecution": (Ask(path=_FAILED),),
}
"""Reads first, then what changes things, the most final last: in this order the owner can ask
everything of the same things."""


async def _json(http: Http, method: str, path: str, body: Any = None) -> Any:
    async with http.request(method, path, json=body) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def _until(look: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(30):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


async def _start(http: Http, workflow: str, **body: Any) -> str:
    found = await _json(http, "POST", f"/v1/workflows/{workflow}/executions", body)
    return str(found["id"])


async def make_things(http: Http) -> Things:
    """One of everything that an account can have; every text in it begins with `owned`."""
    for source in FLOWS.split("---"):
        async with http.post(
            "/v1/workflows", data=source, headers={"Content-Type": "application/yaml"}
        ) as answer:
            assert answer.status in (200, 201), await answer.text()
    things = {
        "workflow": "owned-asks",
        "name": "owned-asks",
        "node": "ask",
        "breaker": "owned-bank",
        "id": "owned/schedule",
        "execution": await _start(http, "owned-asks", id="owned-name"),
        "failed": await _start(http, "owned-fails"),
        "held": await _start(http, "owned-held"),
        "parent": await _start(http, "owned-parent"),
    }
    things["execution_id"] = things["execution"]

    async def tasks() -> Any:
        path = f"/v1/tasks?execution={things['execution']}"
        return (await _json(http, "GET", path))["items"]

    async def ended(thing: str) -> Any:
        found = await _json(http, "GET", f"/v1/executions/{things[thing]}")
        return found if found["status"] != "RUNNING" else None

    async def held() -> Any:
        return (await _json(http, "GET", f"/v1/executions/{things['held']}/debug"))["held"]

    async def breakers() -> Any:
        return (await _json(http, "GET", "/v1/breakers"))["breakers"]

    things["task_id"] = (await _until(tasks))[0]["id"]
    await _until(lambda: ended("failed"))
    nodes = (await _until(lambda: ended("parent")))["nodes"]
    things["digest"] = next(one["output"]["$ref"] for one in nodes if one["id"] == "large")
    await _until(held)
    await _until(breakers)
    await _plans(http, things)
    return things


async def _plans(http: Http, things: Things) -> None:
    """What is to happen later, and to many."""
    path = f"/v1/executions/{things['held']}/debug/breakpoints"
    points = await _json(http, "POST", path, {"breakpoints": [{"node": "first", "hits": 9}]})
    things["breakpoint"] = points["breakpoints"][-1]["id"]
    place = "/v1/schedules/owned%2Fschedule"
    await _json(http, "PUT", place, {"workflow": "owned-asks", "cron": "0 0 * * *"})
    begun = await _json(http, "POST", f"{place}/backfills", _DAYS)
    things["backfill"] = begun["id"]
    asked = {"kind": "signal", "signal": "owned-signal", "ids": [things["execution"]]}
    things["operation_id"] = (await _json(http, "POST", "/v1/operations", asked))["id"]
    page = await _json(http, "GET", "/v1/executions?limit=1")
    things["cursor"] = page["next_cursor"]
