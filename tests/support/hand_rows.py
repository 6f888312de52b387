"""What a commit tells of people's hands, kept in memory."""

from penstock.state.journal.hands import AskedTuple, HandRows, TaskKey


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
