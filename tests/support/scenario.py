"""Golden conversations with the core: lines in, events and commands out, as etcd-raft's testdata.

A file is a sequence of blocks: what happens, a line `----`, what the core decided. What happens:

    plan [deadline=30] [output=b] [on_failure=h] [on_failure_flow=name] [vars={"a":1}],
      then one line per node:
      a retry=3:hook on_error=continue effects=once for_each max_parallel=2 deadline=5 collects
      $output needs=a reads=none
      b needs=a,c:failure,d:success:left
    start [child of P [detached] | delayed 5 [until 9] | vars {"a":1}]
    give w1 a#1                        the shell hands an attempt over (item 2: a[2]#1)
    report w1 a#1 <outcome> [; b#1 <outcome>]... [-> c#1]
       any with `set a=1 b=` behind it
       outcomes: ok [json] [choose x,y] | large | fail class reason | false | lost | lost unbegun
                 | child id workflow [json] [detached] [outlives]
                 | sleep 2 | sleep until 100 | wait signal [2] [or skip] | items json json ...
                 | ask title [2] [or approve] | again 2 [until 10] [or complete]
    running w1 a#1
    gone a#1 b#1                       their worker died
    time +2                            the clock moves by seconds and the core is told
    signal name json [id]
    cancel reason
    pause [reason] | resume
    answer a#1 decision [json]         a person answers what the attempt asked
    announce w1 a#1                    the shell is about to hand an attempt over
    retry a | skip a[2] | complete a json [choose x,y] | fail a message | edit a json
    ended id ok [json] | ended id FAILED class reason | refused id notice
    stored a                           the payload store has a's output
    restart [a#1@w1 ...]               a new coordinator folds the journal; workers hold these
    view                               what a reader is shown

Events begin with `+`, commands with `>`, notices to other executions with `=`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from penstock.common.journal_codec import decode_batch, encode_batch
from penstock.coordinator.core import commands as cmd
from penstock.coordinator.core import inputs as inp
from penstock.coordinator.core.step import Step, next_wake_us, recover, step
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.hand_events import AttemptsHandedOver, ExecutionPaused
from penstock.workflow.execution.values import (
    NULL,
    Failure,
    HumanTask,
    NodeRef,
    OnTimeout,
    Operation,
    Payload,
)
from penstock.workflow.execution.variables import VarsChanged
from penstock.workflow.execution.view import execution_view
from penstock.workflow.plan import Plan
from penstock.workflow.policies import OnFailure
from penstock.workflow.retry import RetryPolicy
from support.plans import PlanBuilder
from support.scenario_debug import read_command, shown_event
from support.scenario_ends import read_end
from support.scenario_vars import read_change, shown_vars
from support.scenario_waits import read_again, read_ask

LINKS = ev.Child | ev.Parent | ev.StartOptions
REF = re.compile(r"^([\w$-]+?)(?:\[(\d+)\])?#(\d+)$")
FLAGS = {
    "breakpoint": str,
    "max_parallel": int,
    "deadline": float,
    "on_error": str,
    "effects": str,
    "on_uncertain": str,
    "ask_for_s": float,
    "uses_vars": bool,
    "reads": lambda _: (),
}


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """(what happens, what was decided) of each block; comments stay with what happens."""
    for block in re.split(r"\n{2,}", text.strip()):
        happened, _, decided = block.partition("\n----")
        yield happened, decided.strip("\n")


class Conversation:
    """Talks with the core about one execution."""

    def __init__(self) -> None:
        self.plan = PlanBuilder().plan()
        self.state = ExecutionState(self.plan)
        self.now_us = 100_000_000
        self.rows: list[bytes] = []

    def say(self, happened: str) -> str:
        """What the core decides about one block."""
        lines = [line for line in happened.splitlines() if not line.startswith("#")]
        verb, *words = lines[0].split()
        before = self.state.seq
        match verb:
            case "plan":
                self.plan = read_plan(words, lines[1:])
                self.state = ExecutionState(self.plan)
                return "ok"
            case "give":
                self.state.hand_over(self.ref(words[1]), words[0])
                return "ok"
            case "view":
                return self.view()
            case "restart":
                made = self.restart(words)
            case _:
                made = step(self.state, self.input(verb, words, lines[0]), self.now_us)
        if made.events:
            self.rows.append(encode_batch("E", before + 1, self.now_us, made.events))
        return self.told(made)

    def restart(self, words: list[str]) -> Step:
        self.state = self.refold(keep_outputs=False)
        for word in words:
            ref, _, worker = word.partition("@")
            self.state.hand_over(self.ref(ref), worker)
        return recover(self.state, self.now_us)

    def refold(self, *, keep_outputs: bool) -> ExecutionState:
        state = ExecutionState(self.plan, keep_outputs)
        for row in self.rows:
            _, first_seq, at_us, events = decode_batch(row)
            state.apply_batch(events, first_seq, at_us)
        return state

    def input(self, verb: str, words: list[str], line: str) -> inp.Input:
        match verb:
            case "start":
                return inp.Start(self.started(words))
            case "ended":
                return read_end(words)
            case "refused":
                failure = Failure("permanent", "NOT_FOUND", "There is no such workflow.")
                return inp.ChildRefused(words[0], failure, int(words[1]))
            case "report":
                return self.report(line.removeprefix("report "))
            case "running":
                return inp.AttemptStarted(words[0], self.ref(words[1]), self.now_us)
            case "gone":
                return inp.AttemptsLost(tuple(map(self.ref, words)), "worker died")
            case "time":
                self.now_us += round(float(words[0]) * 1_000_000)
                return inp.TimePassed()
            case "signal":
                name, json, *signal_id = words
                return inp.SignalArrived(name, Payload(json.encode()), *signal_id)
            case "cancel":
                return inp.CancelAsked(" ".join(words))
            case "answer":
                data = Payload(words[2].encode()) if words[2:] else NULL
                return inp.TaskAnswer(self.ref(words[0]), words[1], data, "ann")
            case "announce":
                return inp.HandOver(words[0], (self.ref(words[1]),))
            case "pause":
                return inp.PauseAsked("ann", " ".join(words))
            case "resume":
                return inp.ResumeAsked("ann")
            case "retry" | "skip" | "complete" | "fail" | "edit":
                return self.intervention(verb, words)
            case "debug":
                return read_command(self.plan, words)
            case "stored":
                node = self.plan.index_of(words[0])
                return inp.OutputStored(node, Payload(b"", "digest", 99_999))
            case _:
                raise ValueError(f"what is {verb!r}?")

    def intervention(self, verb: str, words: list[str]) -> inp.Intervention:
        ref = self.ref(f"{words[0]}#1")
        rest = words[1:]
        chosen = tuple(rest[2].split(",")) if rest[1:2] == ["choose"] else ()
        value = Payload(rest[0].encode()) if verb in ("complete", "edit") and rest else NULL
        message = " ".join(rest) if verb == "fail" else ""
        return inp.Intervention(
            ref.node,
            ref.item,
            Operation[verb.upper()],
            by="ann",
            value=value,
            chosen=chosen,
            routed=bool(chosen),
            message=message,
        )

    def started(self, words: list[str]) -> ev.ExecutionStarted:
        options = None
        if words[:2] == ["child", "of"]:
            parent = ev.Parent(words[2], NodeRef(0), detached="detached" in words)
            options = ev.StartOptions(parent=parent)
        elif words[:1] == ["delayed"]:
            not_before_us = self.now_us + round(float(words[1]) * 1_000_000)
            ends = [float(word) for word in words[3:4]]
            deadline_us = self.now_us + round(ends[0] * 1_000_000) if ends else 0
            options = ev.StartOptions(not_before_us=not_before_us, deadline_us=deadline_us)
        elif words[:1] == ["vars"]:
            options = ev.StartOptions(vars_json=words[1].encode())
        elif "debug" in words:
            options = ev.StartOptions(debug=True)
        params = Payload(b"{}")
        return ev.ExecutionStarted("flow", 1, "hash", "default", params, options=options)

    def report(self, text: str) -> inp.Report:
        text, _, goes_on = text.partition(" -> ")
        worker, _, rest = text.partition(" ")
        outcomes = []
        for part in rest.split(";"):
            ref, *words = part.split()
            begun_us = self.now_us if words[-1] != "unbegun" else 0
            change = read_change(words)
            outcomes.append(
                inp.Outcome(self.ref(ref), read_outcome(words), begun_us, self.now_us, vars=change)
            )
        going_on = self.ref(goes_on) if goes_on else None
        return inp.Report(worker, outcomes[0].ref, tuple(outcomes), going_on)

    def ref(self, text: str) -> NodeRef:
        found = REF.match(text)
        assert found, f"{text!r} is not an attempt"
        return NodeRef(self.plan.index_of(found[1]), int(found[2] or 0), int(found[3]))

    def told(self, made: Step) -> str:
        lines = [f"+ {self.shown(event)}" for event in made.events]
        lines += [f"> {self.shown(command)}" for command in made.commands]
        lines += [f"= {self.shown(notice)}" for notice in made.notices]
        lines += [f"= settles notice {settled}" for settled in made.settled]
        wake_us = next_wake_us(self.state)
        if wake_us:
            lines.append(f"  wakes in {(wake_us - self.now_us) / 1_000_000:g} s")
        return "\n".join(lines) or "nothing"

    def view(self) -> str:
        view = execution_view(self.refold(keep_outputs=True))
        lines = [f"{view.status.name} {view.nodes_done}/{view.nodes_total} seq {view.last_seq}"]
        for node in view.nodes:
            items = f" items {node.items_done}/{node.items_total}" if node.items_total else ""
            output = f" {self.shown(node.output)}" if node.output else ""
            failure = f" {node.failure.reason}" if node.failure else ""
            waits = f" - {node.waiting_for}" if node.waiting_for else ""
            lines.append(f"{node.id}: {node.status.name}{items}{output}{failure}{waits}")
        return "\n".join(lines)

    def shown(self, value: Any) -> str:
        match value:
            case NodeRef(node=node, item=item, attempt=attempt):
                return f"{self.plan.nodes[node].id}{f'[{item}]' if item else ''}#{attempt}"
            case Payload(json=json, digest=digest):
                return f"ref:{digest}" if digest else shortened(json.decode())
            case Failure():
                return f"{value.error_class}/{value.reason} {value.message!r}"
            case ev.Child():
                outlives = " (outlives)" if value.outlives else ""
                return f"child={value.execution_id}:{value.workflow}{outlives}"
            case ev.Parent():
                return f"parent={value.execution_id}{' (detached)' if value.detached else ''}"
            case ev.StartOptions():
                return self.shown_fields(value).removeprefix("StartOptions").strip()
            case VarsChanged() | cmd.ShowVars():
                return shown_vars(value, self.shown)
            case cmd.Dispatch() | cmd.CancelAttempts():
                refs = " ".join(map(self.shown, value.refs))
                return f"{type(value).__name__} {refs}"
            case cmd.AnswerReport():
                return "AnswerReport accepted" if value.accepted else "AnswerReport refused"
            case cmd.StoreOutput():
                parts = f"{len(value.parts)} parts {' '.join(value.keys)}".strip()
                return f"StoreOutput {self.plan.nodes[value.node].id} {parts}"
            case ev.NodesQueued() | ev.NodesCancelled():
                ids = " ".join(self.plan.nodes[node].id for node in value.nodes)
                return f"{type(value).__name__} {ids}"
            case AttemptsHandedOver():
                refs = " ".join(map(self.shown, value.refs))
                return f"AttemptsHandedOver {refs} {value.worker}"
            case ExecutionPaused():
                held = " ".join(map(self.shown, value.held))
                return f"ExecutionPaused by {value.by} {value.reason} holds {held or 'none'}"
            case ev.NodesSkipped():
                ids = " ".join(self.plan.nodes[node].id for node in value.nodes)
                return f"NodesSkipped {ids} {value.reason.name}"
        told = shown_event(value, self.shown)
        return self.shown_fields(value) if told is None else told

    def shown_fields(self, value: Any) -> str:
        """The fields that say something, in order; times are left out but for those to come."""
        words = [type(value).__name__]
        for name in value.__struct_fields__:
            field = getattr(value, name)
            if name == "node":
                words += [f"node={self.plan.nodes[field].id}"] if field >= 0 else []
                continue
            if field in ("", b"", 0, None, (), False) or name in ("started_us", "finished_us"):
                continue
            if isinstance(field, HumanTask):
                words.append(f"{field.kind.name} {field.title!r}")
            elif isinstance(field, OnTimeout):
                words.append(f"or {field.name}")
            elif name == "give_up_us":
                words.append(f"gives up in {(field - self.now_us) / 1_000_000:g} s")
            elif name in ("retry_us", "until_us", "not_before_us", "deadline_us"):
                words.append(f"in {(field - self.now_us) / 1_000_000:g} s")
            elif isinstance(field, bytes):
                words.append(f"{name}={field.decode()}")
            elif isinstance(field, Payload | NodeRef | Failure | LINKS):
                words.append(self.shown(field))
            elif name in ("status", "reason", "operation") and not isinstance(field, str):
                words.append(field.name)
            elif name not in ("workflow", "version", "definition_hash", "tenant"):
                words.append(f"{name}={field}" if isinstance(field, int | bool) else str(field))
        return " ".join(word for word in words if word)


def shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:30]}... {len(text)} bytes"


def read_outcome(words: list[str]) -> inp.OutcomeKind:
    match words:
        case ["ok"]:
            return inp.Completed(Payload(b"1"))
        case ["ok", json]:
            return inp.Completed(Payload(json.encode()))
        case ["ok", json, "choose", *names]:
            chosen = tuple(names[0].split(",")) if names else ()
            return inp.Completed(Payload(json.encode()), chosen, routed=True)
        case ["large"]:
            return inp.Completed(Payload(b'"' + b"x" * 40_000 + b'"'))
        case ["fail", error_class, reason]:
            return inp.Failed(Failure(error_class, reason, "It broke."))
        case ["false"]:
            return inp.ConditionFalse()
        case ["lost", *_]:
            return inp.Lost("handed back")
        case ["sleep", "until", at]:
            return inp.Waiting(until_us=round(float(at) * 1_000_000))
        case ["sleep", seconds]:
            return inp.Waiting(round(float(seconds) * 1_000_000), output=Payload(b'"slept"'))
        case ["wait", signal]:
            return inp.Waiting(signal=signal)
        case ["wait", signal, seconds]:
            return inp.Waiting(round(float(seconds) * 1_000_000), signal=signal)
        case ["child", child_id, workflow, *rest]:
            json = next((word for word in rest if word.startswith("{")), "{}")
            return inp.StartChild(
                child_id,
                workflow,
                params=Payload(json.encode()),
                detached="detached" in rest,
                outlives="outlives" in rest,
            )

        case ["wait", signal, seconds, "or", word]:
            time_us = round(float(seconds) * 1_000_000)
            return inp.Waiting(time_us, signal=signal, on_timeout=OnTimeout[word.upper()])
        case ["ask", title, *more]:
            return read_ask(title, more)
        case ["again", seconds, *more]:
            return read_again(float(seconds), more)
        case ["items", *values]:
            return inp.FannedOut(len(values), tuple(value.encode() for value in values))
    raise ValueError(f"what is {words}?")


def read_plan(options: list[str], lines: list[str]) -> Plan:
    builder = PlanBuilder()
    for line in lines:
        node_id, *flags = line.split()
        needs: list[Any] = []
        more: dict[str, Any] = {}
        for flag in flags:
            name, _, value = flag.partition("=")
            if name == "needs":
                needs = [tuple(need.split(":")) for need in value.split(",")]
            elif name == "retry":
                tries, _, hook = value.partition(":")
                more["retry"] = RetryPolicy(max_attempts=int(tries), jitter=0.0, hook=hook)
            elif name in ("for_each", "collects"):
                more[name] = "${{ params.list }}" if name == "for_each" else True
            else:
                more["deadline_s" if name == "deadline" else name] = FLAGS[name](value)
        builder.node(node_id, *needs, **more)
    named = dict(option.split("=") for option in options)
    on_failure = OnFailure(named.get("on_failure", ""), named.get("on_failure_flow", ""))
    return builder.plan(
        named.get("output"),
        deadline_s=float(named.get("deadline", 0)),
        on_failure=on_failure if on_failure != OnFailure() else None,
        mode=named.get("mode", "realtime"),
        vars=json.loads(named.get("vars", "{}")),
        uses_vars="vars" in named,
    )
