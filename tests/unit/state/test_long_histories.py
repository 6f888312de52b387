"""Histories of many events are gone through in steps: others run meanwhile."""

import asyncio

import pytest

from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.workflow.v1.workflow_service_pb2 import Workflow
from penstock.common.journal_codec import encode_batch
from penstock.nodes import catalog
from penstock.state.reading.events import EventReader
from penstock.state.reading.executions import ExecutionReader
from penstock.state.reading.heavy import HeavyReads
from penstock.state.reading.plans import PlanCache
from penstock.state.rpc.effect_service import EffectService
from penstock.workflow.compile import compile_source
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import NodeRef, Payload
from support.state_rows import an_id, batch_of, start, step, write
from support.state_twin import MemoryJournal, MemoryWorkflows

FLOW = """
flow: 1
id: wide
nodes:
  each: {for_each: "${{ 10000 }}", effects: idempotent, run: "return item"}
"""
ITEMS = 10_000
ROW = 2_500
US = 1_700_000_000_000_000
STEPS = ITEMS // 500


class Stores:
    """A long history in memory, and what reads it."""

    def __init__(self) -> None:
        self.journal, self.workflows = MemoryJournal(), MemoryWorkflows()
        self.plan = compile_source(FLOW, catalog())
        self.plans = PlanCache(self.workflows, lambda source: self.plan)
        self.heavy = HeavyReads()

    async def fill(self) -> None:
        plan = self.plan
        stored = Workflow(name="wide", definition_hash=plan.definition_hash, source=FLOW)
        await self.workflows.put("default", stored)
        begun = ev.ExecutionStarted("wide", 1, plan.definition_hash, "default", Payload(b"{}"))
        first = [begun, ev.NodesQueued((0,)), ev.NodeFannedOut(NodeRef(0), ITEMS, ())]
        done = [ev.NodeCompleted(NodeRef(0, n), Payload(b"1")) for n in range(1, ITEMS + 1)]
        rows = [first, *(done[at : at + ROW] for at in range(0, ITEMS, ROW))]
        records: list[pb.JournalRecord] = []
        seq = 1
        for events in rows:
            record = step(1, seq) if records else start(1)
            record.last_seq = seq + len(events) - 1
            record.body = encode_batch(an_id(1), seq, US, events)
            record.projection.definition_hash = "" if records else plan.definition_hash
            records.append(record)
            seq += len(events)
        self.journal.epochs[1] = 1
        await self.journal.commit(batch_of(write(1, 1, 1, *records)))


@pytest.fixture
async def stores() -> Stores:
    made = Stores()
    await made.fill()
    await made.plans.plan("default", made.plan.definition_hash)
    return made


async def turns_during(work) -> int:
    """How often others could run until some work was done."""
    turns, working = 0, asyncio.ensure_future(work)
    while not working.done():
        turns += 1
        await asyncio.sleep(0)
    await working
    return turns


async def test_a_picture(stores: Stores):
    reader = ExecutionReader(stores.journal, stores.plans, None, stores.heavy)
    assert await turns_during(reader.read("default", an_id(1))) > STEPS
    assert (stores.heavy.most, stores.heavy.running) == (1, 0)


async def test_an_effect_ledger(stores: Stores):
    effects = EffectService(stores.journal, stores.plans, stores.heavy)
    assert await turns_during(effects._read("default", an_id(1), stores.plan)) > STEPS
    assert (stores.heavy.most, stores.heavy.running) == (1, 0)


async def test_a_part_of_it_is_bounded_however_many_events_a_row_has(stores: Stores):
    reader, seen, parts, more = EventReader(stores.journal), 0, 0, True
    while more:
        page = await reader.page("default", an_id(1), seen, rows_max=0, events_max=0)
        count = sum(len(batch.events) for batch in page.batches)
        assert page.batches[0].first_seq == seen + 1
        assert count <= 1_000
        seen, parts, more = seen + count, parts + 1, page.more
    assert (seen, parts) == (ITEMS + 3, 11)
