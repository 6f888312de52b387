"""Ids grow, keyed ids repeat, shards are stable."""

from penstock.common.ids import IdSource, is_ulid, keyed_ulid, new_ulid, shard_of


def test_ids_of_one_source_grow_strictly():
    source = IdSource()
    ids = [source.next() for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert all(map(is_ulid, ids))


def test_a_ulid_has_the_form_of_the_specification():
    assert new_ulid(0, bytes(10)) == "0" * 26
    assert new_ulid(1469918176385, bytes(10)).startswith("01ARYZ6S41")


def test_a_keyed_id_depends_on_its_parts_alone():
    assert keyed_ulid("t", "w", "k") == keyed_ulid("t", "w", "k")
    assert keyed_ulid("t", "wk", "") != keyed_ulid("t", "w", "k")
    assert is_ulid(keyed_ulid("t", "w", "k"))


def test_the_shard_of_an_id_never_changes():
    assert shard_of("01ARYZ6S41TSV4RRFFQ69G5FAV", 64) == 4
    assert {shard_of(IdSource().next(), 4) for _ in range(200)} == {0, 1, 2, 3}


def test_a_text_with_foreign_letters_is_no_ulid():
    assert not is_ulid("01ARYZ6S41TSV4RRFFQ69G5FAU"[:-1] + "!")
    assert not is_ulid("short")
