-- name: list_sleepers
-- Executions at rest of some shards that wake up by a time, the earliest first; a page after a key.
SELECT due.wake_us, due.execution_id
FROM unnest($1::int[]) AS wanted (shard) CROSS JOIN LATERAL (
    SELECT l.wake_us, l.execution_id FROM live_executions l
    WHERE l.shard = wanted.shard AND l.rests AND l.wake_us > 0 AND l.wake_us <= $2
      AND (l.wake_us, l.execution_id) > ($3::bigint, $4::text)
    ORDER BY l.wake_us, l.execution_id LIMIT $5
) due
ORDER BY due.wake_us, due.execution_id
LIMIT $5

-- name: list_live
-- Executions of a shard that have not ended, by id, after one.
SELECT execution_id, tenant, rests, wake_us FROM live_executions
WHERE shard = $1 AND execution_id > $2
ORDER BY execution_id LIMIT $3

-- name: load_awake
-- Rows of every execution of a shard that has not ended and is not at rest, each execution's rows in order; a page after
-- a key.
SELECT j.execution_id, j.first_seq, j.codec, j.body
FROM live_executions l JOIN journal j ON j.execution_id = l.execution_id
WHERE l.shard = $1 AND NOT l.rests AND l.execution_id >= $2 AND (j.execution_id, j.first_seq) > ($2, $3::bigint)
ORDER BY l.execution_id, j.first_seq
LIMIT $4

-- name: load_resting
-- Rows of those of some executions that are at rest, each execution's rows in order; a page after a key.
SELECT j.execution_id, j.first_seq, j.codec, j.body
FROM unnest($1::int[], $2::text[]) AS wanted (shard, execution_id)
    JOIN live_executions l ON l.shard = wanted.shard AND l.execution_id = wanted.execution_id AND l.rests
    JOIN journal j ON j.execution_id = l.execution_id
WHERE (j.execution_id, j.first_seq) > ($3, $4::bigint)
ORDER BY j.execution_id, j.first_seq
LIMIT $5
