"""What does not vary from call to call: told to the runtime once, then named by a number.

Batches come with their program; of a call that comes alone one is made, and remembered by its
content.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from penstock.api.sandbox.v1 import sandbox_service_pb2 as sandbox_pb2
from penstock.common.sandbox_programs import PROGRAMS_MAX
from penstock.sandbox.batches import width_of

STEPS_MAX = 10_000
"""Steps of all programs that the runtime knows: each may hold a compiled function."""

_READS_PARAMS = 1
_READS_RUN = 2
_READS_TRIGGER = 4
_READS_VARS = 8
_DEFAULT_OUTPUT_BYTES_MAX = 16 * 1024 * 1024
_HAS_OUTPUT = 1
_HAS_ERROR = 2
_COMPLETED = "COMPLETED"

_encode = msgspec.json.encode


class Known(NamedTuple):
    """A program as the runtime knows it: its number, and how many values a call brings."""

    number: int
    width: int


class Form(NamedTuple):
    """A program as the runtime is told. `reads` are id, status, and whether there is an output and
    an error; `items` the places of the steps that get an item."""

    steps: Sequence[sandbox_pb2.Step]
    reads: list[tuple[str, str, int, int]]
    flags: int
    items: list[int]
    output_bytes_max: int
    env_json: bytes


def _flags(params: object, run: object, trigger: object) -> int:
    return (
        (_READS_PARAMS if params else 0)
        | (_READS_RUN if run else 0)
        | (_READS_TRIGGER if trigger else 0)
    )


def _form_of(program: sandbox_pb2.Program) -> Form:
    return Form(
        program.steps,
        [(node_id, _COMPLETED, 1, 0) for node_id in program.reads],
        _flags(program.reads_params, program.reads_run, program.reads_trigger),
        [0] if program.reads_item else [],
        program.limits.output_bytes_max,
        program.env_json,
    )


class Programs:
    """The programs that the runtime knows."""

    def __init__(self) -> None:
        self._given: dict[int, sandbox_pb2.Program] = {}
        self._known: dict[int | bytes, Known] = {}
        self._numbered = 0
        self._steps = 0
        self.news: list[bytes] = []

    def keep(self, programs: Iterable[sandbox_pb2.Program]) -> None:
        """Take in programs that batches will name."""
        for program in programs:
            self._given[program.program_id] = program
            self._known.pop(program.program_id, None)

    def given(self, program_id: int) -> sandbox_pb2.Program:
        """A program that was taken in."""
        return self._given[program_id]

    def forget(self) -> None:
        """Tell all anew: there are too many, or a message that told of some was refused."""
        self._known.clear()
        self._numbered = self._steps = 0
        self.news = [b'["T"]']

    def of_batch(self, batch: sandbox_pb2.CallBatch) -> Known:
        """The program of a batch."""
        found = self._known.get(batch.program_id)
        if found is None:
            program = self._given[batch.program_id]
            found = self._tell(batch.program_id, _form_of(program), width_of(program))
        return found

    def of_call(self, call: sandbox_pb2.Call) -> tuple[Known, list[bytes]]:
        """The program of a call that comes alone, and the values it brings. Takes all that varies
        out of the call."""
        values: list[bytes] = []
        reads: list[tuple[str, str, int, int]] = []
        for value in call.values:
            output, error = value.output_json, value.error_json
            values += [text for text in (output, error) if text]
            reads.append((value.node_id, value.status, 1 if output else 0, 1 if error else 0))
            value.ClearField("output_json")
            value.ClearField("error_json")
        flags = _flags(call.params_json, call.run_json, call.trigger_json)
        if call.vars_json:
            flags |= _READS_VARS
        others = (call.params_json, call.run_json, call.trigger_json, call.vars_json)
        values += [text for text in others if text]
        items = []
        for place, step in enumerate(call.steps):
            if item := step.item_json:
                items.append(place)
                values.append(item)
                step.ClearField("item_json")
        form = Form(call.steps, reads, flags, items, call.limits.output_bytes_max, call.env_json)
        for field in ("params_json", "run_json", "trigger_json", "limits", "traceparent"):
            call.ClearField(field)
        call.ClearField("vars_json")
        call.call_id = 0
        shape = b"%r %d %r %d " % ([read[2:] for read in reads], flags, items, form[4])
        key = shape + call.SerializeToString()
        return self._known.get(key) or self._tell(key, form, len(values)), values

    def _tell(self, key: int | bytes, form: Form, width: int) -> Known:
        """Number a program and tell the runtime."""
        if self._numbered >= PROGRAMS_MAX or self._steps + len(form.steps) > STEPS_MAX:
            self.forget()
        found = self._known[key] = Known(self._numbered, width)
        self._numbered += 1
        self._steps += len(form.steps)
        steps = [
            (
                step.node_id,
                step.script_id,
                list(step.parents),
                step.item_name,
                list(step.host_functions),
            )
            for step in form.steps
        ]
        head = _encode(("p", found.number, steps, form.reads, form.flags, form.items))
        limit = form.output_bytes_max or _DEFAULT_OUTPUT_BYTES_MAX
        self.news.append(b"%b,%d,%b]" % (head[:-1], limit, form.env_json or b"{}"))
        return found
