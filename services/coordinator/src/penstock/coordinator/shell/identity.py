"""Who this coordinator is to the others."""

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """A process: `coordinator_id` is new at each start, `address` is where others reach it."""

    coordinator_id: str
    address: str
    ttl_ms: int
