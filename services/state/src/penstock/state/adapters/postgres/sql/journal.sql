-- name: commit_batch
-- One group commit: advance the heads that still match, then write the rows of exactly those shards. Rows arrive as
-- parallel arrays. Shards that do not match are not in the answer and nothing of theirs is written.
WITH advanced AS (
    UPDATE shards s SET head = w.last_position
    FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
        AS w (shard, epoch, first_position, last_position)
    WHERE s.shard = w.shard AND s.epoch = w.epoch AND s.head = w.first_position - 1
    RETURNING s.shard
), written AS (
    INSERT INTO journal (shard, position, execution_id, first_seq, last_seq, tenant, codec, body)
    SELECT r.shard, r.position, r.execution_id, r.first_seq, r.last_seq, r.tenant, r.codec, r.body
    FROM unnest($5::int[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::smallint[],
                $12::bytea[])
        AS r (shard, position, execution_id, first_seq, last_seq, tenant, codec, body)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), started AS (
    INSERT INTO executions (shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, wake_us,
                            finished_us, failure_reason, workflow, version, definition_hash, started_us, tags)
    SELECT r.shard, r.execution_id, r.tenant, r.status, r.last_seq, r.nodes_total, r.nodes_done, r.wake_us,
           r.finished_us, r.failure_reason, r.workflow, r.version, r.definition_hash, r.started_us,
           string_to_array(r.tags, E'\x1f')
    FROM unnest($13::int[], $14::text[], $15::text[], $16::smallint[], $17::bigint[], $18::int[], $19::int[],
                $20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::int[], $25::text[], $26::bigint[],
                $27::text[])
        AS r (shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, wake_us, finished_us,
              failure_reason, workflow, version, definition_hash, started_us, tags)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), now_live AS (
    INSERT INTO live_executions (shard, execution_id, tenant, started_us)
    SELECT r.shard, r.execution_id, r.tenant, r.started_us
    FROM unnest($13::int[], $14::text[], $15::text[], $16::smallint[], $26::bigint[])
        AS r (shard, execution_id, tenant, status, started_us)
    WHERE r.status = 1 AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), labelled AS (
    INSERT INTO execution_tags (tenant, tag, started_us, execution_id)
    SELECT r.tenant, r.tag, r.started_us, r.execution_id
    FROM unnest($28::int[], $29::text[], $30::text[], $31::bigint[], $32::text[])
        AS r (shard, tenant, tag, started_us, execution_id)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), moved AS (
    UPDATE executions e
    SET status = r.status, last_seq = r.last_seq, nodes_total = r.nodes_total, nodes_done = r.nodes_done,
        wake_us = r.wake_us, finished_us = r.finished_us, failure_reason = r.failure_reason
    FROM unnest($33::int[], $34::text[], $35::text[], $36::smallint[], $37::bigint[], $38::int[], $39::int[],
                $40::bigint[], $41::bigint[], $42::text[])
        AS r (shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, wake_us, finished_us,
              failure_reason)
    WHERE e.execution_id = r.execution_id AND e.tenant = r.tenant
      AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), ended AS (
    DELETE FROM live_executions l
    USING unnest($33::int[], $34::text[], $36::smallint[]) AS r (shard, execution_id, status)
    WHERE r.status <> 1 AND l.shard = r.shard AND l.execution_id = r.execution_id
      AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
    RETURNING l.tenant, r.status, l.started_us, l.execution_id
), ended_badly AS (
    INSERT INTO bad_ends (tenant, status, started_us, execution_id)
    SELECT tenant, status, started_us, execution_id FROM ended WHERE status > 2
    UNION ALL
    SELECT r.tenant, r.status, r.started_us, r.execution_id
    FROM unnest($13::int[], $14::text[], $15::text[], $16::smallint[], $26::bigint[])
        AS r (shard, execution_id, tenant, status, started_us)
    WHERE r.status > 2 AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)
SELECT shard FROM advanced

-- name: read_heads
SELECT shard, epoch, head FROM shards WHERE shard = ANY ($1::int[])

-- name: load_live
-- Rows of every execution of a shard that has not ended, each execution's rows in order; a page after a key.
SELECT j.execution_id, j.first_seq, j.codec, j.body
FROM live_executions l JOIN journal j ON j.execution_id = l.execution_id
WHERE l.shard = $1 AND l.execution_id >= $2 AND (j.execution_id, j.first_seq) > ($2, $3::bigint)
ORDER BY l.execution_id, j.first_seq
LIMIT $4

-- name: rows_after
-- Every row of a shard after a position, to publish it again.
SELECT position, tenant, execution_id, codec, body
FROM journal WHERE shard = $1 AND position > $2
ORDER BY position LIMIT $3

-- name: rows_worth_telling
-- After a position: the rows of executions that have not ended, and all rows from a later position on.
SELECT position, tenant, execution_id, codec, body FROM (
    SELECT j.position, j.tenant, j.execution_id, j.codec, j.body
    FROM live_executions l JOIN journal j ON j.execution_id = l.execution_id
    WHERE l.shard = $1 AND j.position > $2 AND j.position < $4
    UNION ALL
    SELECT position, tenant, execution_id, codec, body
    FROM journal WHERE shard = $1 AND position > $2 AND position >= $4
) worth
ORDER BY position LIMIT $3
