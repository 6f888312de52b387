"""Rows in messages: everything arrives, in order, and no message is too large."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.api.journal.v1.journal_pb2 import Publication
from penstock.common import publication
from penstock.common.publication import LANES, Packer, event_subject

IDS = [f"01JD{last}" for last in "0123ABCD"]
ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(IDS), st.binary(min_size=1, max_size=9)),
    max_size=40,
)


def packed(rows):
    packer = Packer()
    for row in rows:
        packer.add(*row)
    assert packer.rows == len(rows)
    return packer.messages()


def unpacked(messages):
    found = {}
    for subject, body in messages:
        told = Publication.FromString(body)
        for execution_id, row in zip(told.execution_ids, told.bodies, strict=True):
            found.setdefault((subject, execution_id), []).append(row)
    return found


@given(ROWS)
def test_every_row_is_in_a_message_of_its_lane_in_order(rows):
    wanted = {}
    for tenant, execution_id, body in rows:
        wanted.setdefault((event_subject(tenant, execution_id), execution_id), []).append(body)
    messages = packed(rows)
    assert unpacked(messages) == wanted
    assert len(messages) == len({subject for subject, _ in messages})


def test_what_does_not_fit_into_one_message_goes_in_several(monkeypatch):
    monkeypatch.setattr(publication, "MESSAGE_BYTES_MAX", 1000)
    rows = [("a", IDS[0], b"%03d" % n * 100) for n in range(20)]
    messages = packed(rows)
    assert len(messages) == 10
    assert all(len(body) <= 1000 for _, body in messages)
    ((_, bodies),) = unpacked(messages).items()
    assert bodies == [body for _, _, body in rows]


def test_a_row_too_large_for_any_message_keeps_its_place_without_its_body(monkeypatch):
    monkeypatch.setattr(publication, "MESSAGE_BYTES_MAX", 1000)
    rows = [("a", IDS[0], b"x"), ("a", IDS[0], b"y" * 2000), ("a", IDS[0], b"z")]
    ((_, bodies),) = unpacked(packed(rows)).items()
    assert bodies == [b"x", b"", b"z"]


def test_lanes_are_used_evenly():
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    lanes = [event_subject("a", f"01JD{last}") for last in alphabet]
    counts = [lanes.count(lane) for lane in set(lanes)]
    assert len(counts) == LANES
    assert max(counts) <= 1.3 * min(counts)
