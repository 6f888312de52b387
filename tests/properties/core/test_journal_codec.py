"""What is written to the journal is what is read from it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.common.journal_codec import decode_batch, encode_batch
from penstock.workflow.execution import debug_events as debug
from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import (
    ExecutionStatus,
    Failure,
    LogLine,
    NodeRef,
    OriginKind,
    Payload,
    SkipReason,
)
from penstock.workflow.execution.variables import VarsChange, VarsChanged

U32 = st.integers(0, 2**32 - 1)
TIMES = st.integers(0, 2**62)
TEXTS = st.text(max_size=8)
REFS = st.builds(NodeRef, U32, U32, U32)
PAYLOADS = st.builds(Payload, st.binary(max_size=8)) | st.builds(
    Payload, st.just(b""), st.text(min_size=1, max_size=8), TIMES
)
FAILURES = st.builds(
    Failure,
    st.sampled_from(("transient", "permanent", "system", "user")),
    TEXTS,
    TEXTS,
    st.binary(max_size=8),
)
LOGS = st.lists(st.builds(LogLine, TIMES, TEXTS, TEXTS), max_size=2).map(tuple)
NODES = st.lists(U32, max_size=3).map(tuple)
WORDS = st.lists(TEXTS, max_size=2).map(tuple)
ITEMS = st.lists(st.binary(max_size=3), max_size=3).map(tuple)
CHOICES = st.just(((), False)) | st.tuples(WORDS, st.just(True))
OPTIONS = st.builds(
    ev.StartOptions,
    st.none() | st.integers(0, 9),
    TIMES,
    TIMES,
    st.binary(max_size=8),
    st.booleans(),
    st.none() | st.builds(ev.Parent, TEXTS, REFS, U32),
    st.none() | st.builds(ev.Origin, TEXTS, TIMES, st.sampled_from(OriginKind)),
)
COMPLETED = st.builds(
    lambda ref, output, choice, *rest: ev.NodeCompleted(ref, output, *choice, *rest),
    REFS,
    PAYLOADS,
    CHOICES,
    TIMES,
    TIMES,
    TEXTS,
    LOGS,
)
FAILED = st.builds(ev.NodeFailed, REFS, FAILURES, TIMES, TIMES, TIMES, TEXTS, LOGS)
SKIPPED = st.builds(ev.NodesSkipped, NODES, st.sampled_from(SkipReason))
BREAKPOINTS = st.builds(
    debug.Breakpoint,
    TEXTS,
    st.integers(-1, 1000),
    st.integers(-1, 1000),
    st.sampled_from(debug.Place),
    TEXTS,
    st.integers(1, 1000),
    st.booleans(),
)
POINTS = st.lists(BREAKPOINTS, max_size=3).map(tuple)
VARS = st.lists(st.tuples(TEXTS, st.binary(max_size=8)), max_size=3).map(
    lambda pairs: (
        VarsChange(*(tuple(column) for column in zip(*pairs, strict=True)))
        if pairs
        else VarsChange((), ())
    )
)
DEBUGGING = st.one_of(
    st.builds(debug.DebugAttached, TEXTS, st.booleans(), st.booleans(), POINTS, TEXTS),
    st.builds(debug.DebugDetached, TEXTS),
    st.builds(debug.BreakpointsSet, POINTS, TEXTS),
    st.builds(debug.BreakpointsCleared, WORDS, TEXTS),
    st.builds(debug.DebugPaceSet, st.booleans(), TEXTS, TEXTS),
    st.builds(ev.NodeHeld, REFS, TEXTS, st.none() | COMPLETED, TEXTS),
    st.builds(debug.NodeReleased, REFS, st.booleans()),
    st.builds(debug.BreakpointPassed, TEXTS, REFS),
    st.builds(debug.OutputEdited, REFS, PAYLOADS, TEXTS, TEXTS),
)
EVENTS = st.one_of(
    st.builds(
        ev.ExecutionStarted,
        *(TEXTS, U32, TEXTS, TEXTS, PAYLOADS, PAYLOADS, WORDS, TEXTS, TEXTS),
        st.none() | OPTIONS,
    ),
    st.builds(ev.NodesQueued, NODES),
    st.builds(ev.NodeRunning, REFS, TEXTS, TIMES),
    COMPLETED,
    FAILED,
    st.builds(ev.NodeRetried, REFS),
    SKIPPED,
    st.builds(ev.NodeWaiting, REFS, TIMES, TEXTS, PAYLOADS),
    st.builds(
        ev.NodeFannedOut,
        REFS,
        U32,
        st.lists(st.binary(max_size=3), max_size=3).map(tuple),
        PAYLOADS,
    ),
    st.builds(ev.AttemptLost, REFS, TEXTS),
    st.builds(ev.SignalReceived, TEXTS, PAYLOADS, TEXTS),
    st.builds(ev.CancelRequested, TEXTS),
    st.builds(ev.NodesCancelled, NODES),
    st.builds(
        ev.ExecutionEnded,
        st.sampled_from(ExecutionStatus),
        PAYLOADS,
        st.none() | FAILURES,
        st.integers(-1, 1000),
    ),
    st.builds(ev.OutcomesCarried, st.lists(COMPLETED | FAILED | SKIPPED, max_size=3).map(tuple)),
    DEBUGGING,
    st.builds(VarsChanged, REFS, VARS),
)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 2**60), TIMES, st.lists(EVENTS, max_size=4).map(tuple))
def test_a_batch_survives_its_bytes(
    execution_id: str, first_seq: int, at_us: int, events: tuple[ev.Event, ...]
) -> None:
    body = encode_batch(execution_id, first_seq, at_us, events)
    assert decode_batch(body) == (execution_id, first_seq, at_us, events)
