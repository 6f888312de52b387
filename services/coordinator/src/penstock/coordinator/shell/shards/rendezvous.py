"""Who should have which shard: highest random weight hashing (Thaler and Ravishankar, 1998), so
that a member's coming or going moves little more than its own share, with a bound on what one
member gets (as Mirrokni, Thorup and Zadimoghaddam, 2016, for consistent hashing): so few shards
would lie unevenly by hashing alone, half as many again on one of ten members as on the average.
"""

from collections.abc import Iterable
from hashlib import blake2b


def _weight(shard: int, member: str) -> bytes:
    return blake2b(f"{shard}\x1f{member}".encode(), digest_size=8).digest()


def spread(shard_count: int, members: Iterable[str]) -> dict[int, str]:
    """Each shard's member; every member computes the same, in whatever order it knows them.

    The heaviest pair of shard and member comes first; nobody gets more than the average, rounded
    up. Empty without members; O(shards x members).
    """
    present = set(members)
    if not present:
        return {}
    most = -(-shard_count // len(present))
    counts = dict.fromkeys(present, 0)
    owners: dict[int, str] = {}
    pairs = [(_weight(s, m), m, s) for s in range(shard_count) for m in present]
    for _, member, shard in sorted(pairs, reverse=True):
        if shard not in owners and counts[member] < most:
            owners[shard] = member
            counts[member] += 1
    return owners


def shards_of(member: str, members: Iterable[str], shard_count: int) -> frozenset[int]:
    """All shards that `member` should have."""
    owners = spread(shard_count, members)
    return frozenset(shard for shard, owner in owners.items() if owner == member)
