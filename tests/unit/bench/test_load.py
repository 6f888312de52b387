"""The load generator's bytes are what protobuf would have made, and its arithmetic is right."""

import itertools
import statistics

import pytest

from bench.counters import parse
from bench.load import percentile
from bench.open_loop import arrivals
from bench.starts import LoadFailed, StartBytes, read_answers
from penstock.api.journal.v1.journal_pb2 import (
    EXECUTION_STATUS_COMPLETED,
    EXECUTION_STATUS_FAILED,
    EXECUTION_STATUS_RUNNING,
)
from penstock.api.workflow.v1 import workflow_service_pb2 as pb


def answers(*statuses: int) -> pb.StartExecutionsResponse:
    message = pb.StartExecutionsResponse()
    for number, status in enumerate(statuses, start=1):
        message.answers.add(correlation_id=number).response.status = status  # type: ignore[assignment]
    return message


@pytest.mark.parametrize("first", [1 << 14, 20_000, (1 << 21) - 3])
def test_starts_are_encoded_as_protobuf_would(first: int):
    start = pb.StartExecutionRequest(workflow="bench-chain10", wait_for=pb.WAIT_FOR_ENDED)
    read = pb.StartExecutionsRequest.FromString(StartBytes(start).message(first, 3))
    assert [each.correlation_id for each in read.starts] == [first, first + 1, first + 2]
    assert all(each.start == start for each in read.starts)


def test_a_start_that_is_too_long_for_the_short_form_is_refused():
    with pytest.raises(ValueError, match="short"):
        StartBytes(pb.StartExecutionRequest(workflow="w" * 200))


def test_answers_tell_who_started_and_who_ended():
    message = answers(EXECUTION_STATUS_RUNNING, EXECUTION_STATUS_COMPLETED)
    seen = read_answers(message.SerializeToString())
    assert (seen.acknowledged, seen.ended) == (1, [2])


def test_a_failed_execution_is_an_error():
    message = answers(EXECUTION_STATUS_FAILED)
    message.answers[0].response.failure.message = "it broke"
    with pytest.raises(LoadFailed, match="it broke"):
        read_answers(message.SerializeToString())


def test_a_refused_start_is_an_error():
    message = pb.StartExecutionsResponse()
    message.answers.add(correlation_id=1).refused.reason = "LIMIT_EXCEEDED"
    with pytest.raises(LoadFailed, match="LIMIT_EXCEEDED"):
        read_answers(message.SerializeToString())


def test_arrivals_have_the_rate_that_was_asked_for_and_are_the_same_for_a_seed():
    found = arrivals(1_000, 10, seed=1)
    assert len(found) == pytest.approx(10_000, rel=0.05)
    assert found == arrivals(1_000, 10, seed=1)
    assert found != arrivals(1_000, 10, seed=2)


def test_gaps_between_arrivals_scatter_as_those_of_a_poisson_process():
    found = arrivals(1_000, 10, seed=1)
    gaps = [after - before for before, after in itertools.pairwise(found)]
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)


def test_percentiles_are_values_that_were_seen():
    ranked = [float(value) for value in range(1, 1_001)]
    assert percentile(ranked, 0.5) == 501
    assert percentile(ranked, 0.999) == 1_000
    assert percentile([], 0.5) == 0


def test_counters_are_summed_over_labels_without_buckets():
    text = '# HELP x y\nx_total{a="1"} 2.0\nx_total{a="2"} 3.0\ny_bucket{le="1"} 9.0\ny_sum 4.5\n'
    assert parse(text) == {"x_total": 5.0, "y_sum": 4.5}
