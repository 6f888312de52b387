"""Who should have which shard: highest random weight hashing, so that a member's coming or going
moves only its own share (Thaler and Ravishankar, 1998)."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b


def _weight(shard: int, member: str) -> bytes:
    return blake2b(f"{shard}\x1f{member}".encode(), digest_size=8).digest()


def owner_of(shard: int, members: Sequence[str]) -> str:
    """The member that should have `shard`; every member computes the same. `members` is not
    empty, its order does not matter."""
    return max(members, key=lambda member: (_weight(shard, member), member))


def shards_of(member: str, members: Iterable[str], shard_count: int) -> frozenset[int]:
    """All shards that `member` should have; O(shards x members)."""
    present = sorted(set(members))
    if member not in present:
        return frozenset()
    return frozenset(s for s in range(shard_count) if owner_of(s, present) == member)
