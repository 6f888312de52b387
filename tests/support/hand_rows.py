"""What a commit tells of people's hands, kept in memory."""

from collections.abc import Collection

from penstock.state.journal.hands import AskedTuple, HandRows, TaskKey
from penstock.state.ports import ExecutionRow

RUNNING, PAUSED = 1, 6


def keep_hands(
    hands: HandRows,
    written: set[int],
    tasks: dict[TaskKey, AskedTuple],
    paused: set[tuple[str, str]],
) -> None:
    """Take in what is of the shards that were written."""
    for shard, *key in hands.unasked:
        if shard in written:
            tasks.pop(tuple(key), None)
    for row in hands.asked:
        if row[0] in written:
            tasks[row[1], row[5], row[6], row[7]] = row
    for shard, tenant, execution_id in hands.paused:
        if shard in written:
            paused.add((tenant, execution_id))
    for shard, tenant, execution_id in hands.resumed:
        if shard in written:
            paused.discard((tenant, execution_id))


def paused_now(row: ExecutionRow, paused: Collection[tuple[str, str]]) -> ExecutionRow:
    """The row as readers get it."""
    is_paused = row.status == RUNNING and (row.tenant, row.execution_id) in paused
    return row._replace(status=PAUSED) if is_paused else row


def fits_status(
    row: ExecutionRow, statuses: Collection[int], paused: Collection[tuple[str, str]]
) -> bool:
    """True if a row is among those with these statuses: paused ones are running ones too."""
    return not statuses or bool({row.status, paused_now(row, paused).status} & set(statuses))
