-- name: commit_rows
-- One group commit is one statement: advance the heads that still match, then write the rows of exactly those shards. Shards
-- that do not match are not in the answer and nothing of theirs is written.
--
-- It is put together from the parts `commit_*` that the batch needs, since a part without rows costs as much to set up as
-- one with them. Each part numbers its parameters from 1. Rows arrive as parallel columns. Numbers come as array literals
-- and texts joined by the record separator: both sides spend less on that than on arrays in binary form. An empty text may
-- arrive as no element at all, hence COALESCE. `IS TRUE` keeps the comparison of accounts a mere check: while the table is
-- small the planner would take it for the better way in.
--
-- The projection of an execution that goes on is not touched: how far it is stands in its last journal row. It is written
-- when the execution begins and ends, and what its rest needs is in live_executions.
advanced AS (
    UPDATE shards s SET head = w.last_position
    FROM unnest($1::text::int[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[])
        AS w (shard, epoch, first_position, last_position)
    WHERE s.shard = w.shard AND s.epoch = w.epoch AND s.head = w.first_position - 1
    RETURNING s.shard
), written AS (
    INSERT INTO journal (shard, position, execution_id, first_seq, last_seq, tenant, codec, body, nodes_total,
                         nodes_done)
    SELECT r.shard, r.position, r.execution_id, r.first_seq, r.last_seq, r.tenant, r.codec, r.body, r.nodes_total,
           r.nodes_done
    FROM unnest($5::text::int[], $6::text::bigint[], string_to_array($7::text, E'\x1e'), $8::text::bigint[],
                $9::text::bigint[], string_to_array($10::text, E'\x1e'), $11::text::smallint[], $12::bytea[],
                $13::text::int[], $14::text::int[])
        AS r (shard, position, execution_id, first_seq, last_seq, tenant, codec, body, nodes_total, nodes_done)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)

-- name: commit_begun
-- Executions that begin, as they are after the batch.
introduced AS MATERIALIZED (
    SELECT r.*
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'),
                $4::text::smallint[], $5::text::bigint[], $6::text::int[], $7::text::int[], $8::text::bigint[],
                $9::text::bigint[], string_to_array($10::text, E'\x1e'), $11::text::smallint[],
                string_to_array($12::text, E'\x1e'), $13::text::int[], string_to_array($14::text, E'\x1e'),
                $15::text::bigint[], string_to_array($16::text, E'\x1e'))
        AS r (shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, wake_us, finished_us,
              failure_reason, rest, workflow, version, definition_hash, started_us, tags)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), started AS (
    INSERT INTO executions (shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done,
                            finished_us, failure_reason, workflow, version, definition_hash, started_us, tags)
    SELECT shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, finished_us,
           COALESCE(failure_reason, ''), COALESCE(workflow, ''), version, COALESCE(definition_hash, ''), started_us,
           COALESCE(string_to_array(tags, E'\x1f'), '{}')
    FROM introduced
), now_live AS (
    INSERT INTO live_executions (shard, execution_id, tenant, started_us, rests, wake_us)
    SELECT shard, execution_id, tenant, started_us, rest = 1, wake_us FROM introduced WHERE status = 1
), labelled AS (
    INSERT INTO execution_tags (tenant, tag, started_us, execution_id)
    SELECT i.tenant, t.tag, i.started_us, i.execution_id
    FROM introduced i, unnest(string_to_array(i.tags, E'\x1f')) AS t (tag)
    WHERE i.tags <> ''
)

-- name: commit_changed
-- Executions that were there before and end, come to rest or leave it.
changed AS MATERIALIZED (
    SELECT r.*
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'),
                $4::text::smallint[], $5::text::bigint[], $6::text::int[], $7::text::int[], $8::text::bigint[],
                $9::text::bigint[], string_to_array($10::text, E'\x1e'), $11::text::smallint[])
        AS r (shard, execution_id, tenant, status, last_seq, nodes_total, nodes_done, wake_us, finished_us,
              failure_reason, rest)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
), closed AS (
    UPDATE executions e
    SET status = r.status, last_seq = r.last_seq, nodes_total = r.nodes_total, nodes_done = r.nodes_done,
        finished_us = r.finished_us, failure_reason = COALESCE(r.failure_reason, '')
    FROM changed r
    WHERE r.status <> 1 AND e.execution_id = r.execution_id AND (e.tenant = r.tenant) IS TRUE
), rested AS (
    UPDATE live_executions l SET rests = r.rest = 1, wake_us = r.wake_us
    FROM changed r
    WHERE r.rest <> 0 AND r.status = 1 AND l.shard = r.shard AND l.execution_id = r.execution_id
), ended AS (
    DELETE FROM live_executions l USING changed r
    WHERE r.status <> 1 AND l.shard = r.shard AND l.execution_id = r.execution_id
)

-- name: commit_bad_ends
-- Executions that end other than COMPLETED. When one started is known if it begins with the same batch.
ended_badly AS (
    INSERT INTO bad_ends (tenant, status, started_us, execution_id, failed_node)
    SELECT tenant, status, started_us, execution_id, COALESCE(failed_node, '')
    FROM (
        SELECT r.tenant, r.status, r.execution_id, r.failed_node, COALESCE(NULLIF(r.started_us, 0), (
            SELECT e.started_us FROM executions e WHERE e.execution_id = r.execution_id AND (e.tenant = r.tenant) IS TRUE
        )) AS started_us
        FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), $3::text::smallint[], $4::text::bigint[],
                    string_to_array($5::text, E'\x1e'), string_to_array($6::text, E'\x1e'))
            AS r (shard, tenant, status, started_us, execution_id, failed_node)
        WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
    ) known
    WHERE started_us IS NOT NULL
    ON CONFLICT DO NOTHING
)

-- name: commit_terms
-- By what executions that begin are found beyond their labels.
searched AS (
    INSERT INTO execution_tags (tenant, tag, started_us, execution_id)
    SELECT r.tenant, r.term, r.started_us, r.execution_id
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'),
                $4::text::bigint[], string_to_array($5::text, E'\x1e'))
        AS r (shard, tenant, term, started_us, execution_id)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)

-- name: commit_refs
-- Stored payloads that rows of the batch refer to.
referred AS (
    INSERT INTO payload_refs (tenant, digest, execution_id)
    SELECT r.tenant, r.digest, r.execution_id
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'),
                string_to_array($4::text, E'\x1e'))
        AS r (shard, tenant, digest, execution_id)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
    ON CONFLICT DO NOTHING
)

-- name: commit_owed
-- What the rows owe to elsewhere.
owed AS (
    INSERT INTO notices (shard, id, body)
    SELECT r.shard, r.id, r.body
    FROM unnest($1::text::int[], $2::text::bigint[], $3::bytea[]) AS r (shard, id, body)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)

-- name: commit_settled
-- What the rows make up for.
settled AS (
    DELETE FROM notices n
    USING unnest($1::text::int[], $2::text::bigint[]) AS r (shard, id)
    WHERE n.shard = r.shard AND n.id = r.id AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)

-- name: commit_children
-- Executions that begin as sub-workflows.
linked AS (
    INSERT INTO children (tenant, parent_id, node, item, attempt, execution_id)
    SELECT r.tenant, r.parent_id, r.node, r.item, r.attempt, r.execution_id
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'),
                string_to_array($4::text, E'\x1e'), $5::text::int[], $6::text::int[], $7::text::int[])
        AS r (shard, execution_id, tenant, parent_id, node, item, attempt)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
    ON CONFLICT DO NOTHING
)

-- name: commit_asked
-- What people are asked from now on.
asked AS (
    INSERT INTO tasks (execution_id, tenant, workflow, node_id, node, item, attempt, kind, opened_us, due_us, assignees,
                       body)
    SELECT r.execution_id, r.tenant, COALESCE(r.workflow, ''), COALESCE(r.node_id, ''), r.node, r.item, r.attempt, r.kind,
           r.opened_us, r.due_us, COALESCE(string_to_array(r.assignees, E'\x1f'), '{}'), r.body
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'),
                string_to_array($4::text, E'\x1e'), string_to_array($5::text, E'\x1e'), $6::text::int[], $7::text::int[],
                $8::text::int[], $9::text::smallint[], $10::text::bigint[], $11::text::bigint[],
                string_to_array($12::text, E'\x1e'), $13::bytea[])
        AS r (shard, execution_id, tenant, workflow, node_id, node, item, attempt, kind, opened_us, due_us, assignees, body)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
    ON CONFLICT DO NOTHING
)

-- name: commit_unasked
-- What people are not asked any more.
unasked AS (
    DELETE FROM tasks t
    USING unnest($1::text::int[], string_to_array($2::text, E'\x1e'), $3::text::int[], $4::text::int[], $5::text::int[])
        AS r (shard, execution_id, node, item, attempt)
    WHERE t.execution_id = r.execution_id AND t.node = r.node AND t.item = r.item AND t.attempt = r.attempt
      AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)

-- name: commit_paused
-- Executions that are paused from now on.
paused AS (
    INSERT INTO paused_executions (tenant, execution_id)
    SELECT r.tenant, r.execution_id
    FROM unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'))
        AS r (shard, tenant, execution_id)
    WHERE r.shard = ANY (ARRAY(SELECT shard FROM advanced))
    ON CONFLICT DO NOTHING
)

-- name: commit_resumed
-- Executions that are not paused any more.
resumed AS (
    DELETE FROM paused_executions p
    USING unnest($1::text::int[], string_to_array($2::text, E'\x1e'), string_to_array($3::text, E'\x1e'))
        AS r (shard, tenant, execution_id)
    WHERE p.tenant = r.tenant AND p.execution_id = r.execution_id AND r.shard = ANY (ARRAY(SELECT shard FROM advanced))
)

-- name: commit_answer
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
