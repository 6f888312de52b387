-- name: as_of_now
-- The rows of a statement below with how far each is: of one that goes on, that stands in its last journal row. Rows that
-- were written before the journal kept it have none. Of those that go on, the paused ones say so.
SELECT e.execution_id, e.tenant, CASE WHEN e.status = 1 AND EXISTS (
           SELECT FROM paused_executions p WHERE p.tenant = e.tenant AND p.execution_id = e.execution_id
       ) THEN 6 ELSE e.status END, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       COALESCE(j.nodes_total, e.nodes_total), COALESCE(j.nodes_done, e.nodes_done), e.failure_reason,
       COALESCE(j.last_seq, e.last_seq)
FROM ({chosen}) e LEFT JOIN LATERAL (
    SELECT nodes_total, nodes_done, last_seq FROM journal
    WHERE e.status = 1 AND execution_id = e.execution_id AND tenant = e.tenant
    ORDER BY first_seq DESC LIMIT 1
) j ON true
ORDER BY e.started_us DESC, e.execution_id DESC

-- name: find_execution
SELECT e.* FROM executions e WHERE e.execution_id = $1 AND e.tenant = $2

-- name: known_executions
SELECT execution_id FROM executions WHERE execution_id = ANY ($1::text[]) AND tenant = $2

-- name: list_executions
SELECT e.*
FROM executions e
WHERE e.tenant = $1
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($3::smallint[] IS NULL OR e.status = ANY ($3))
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (e.started_us, e.execution_id) < ($5, $6::text))
ORDER BY e.started_us DESC, e.execution_id DESC
LIMIT $7

-- name: list_uncompleted
-- Any statuses but COMPLETED: of each one that is asked for the newest, and of all these the newest.
SELECT e.*
FROM (
    SELECT ended.started_us, ended.execution_id
    FROM unnest($3::smallint[]) AS wanted (status) CROSS JOIN LATERAL (
        SELECT b.started_us, b.execution_id
        FROM bad_ends b JOIN executions e ON e.execution_id = b.execution_id
        WHERE b.tenant = $1 AND b.status = wanted.status
          AND ($2::text IS NULL OR e.workflow = $2)
          AND ($4::text IS NULL OR $4 = ANY (e.tags))
          AND ($5::bigint IS NULL OR (b.started_us, b.execution_id) < ($5, $6::text))
        ORDER BY b.started_us DESC, b.execution_id DESC
        LIMIT $7
    ) ended
    UNION ALL
    (
        SELECT l.started_us, l.execution_id
        FROM live_executions l JOIN executions e ON e.execution_id = l.execution_id
        WHERE 1 = ANY ($3) AND l.tenant = $1
          AND ($2::text IS NULL OR e.workflow = $2)
          AND ($4::text IS NULL OR $4 = ANY (e.tags))
          AND ($5::bigint IS NULL OR (l.started_us, l.execution_id) < ($5, $6::text))
        ORDER BY l.started_us DESC, l.execution_id DESC
        LIMIT $7
    )
) i JOIN executions e ON e.execution_id = i.execution_id
WHERE e.tenant = $1
ORDER BY i.started_us DESC, i.execution_id DESC
LIMIT $7

-- name: list_paused
-- Executions that people have paused: few, whatever else is asked for.
SELECT e.*
FROM paused_executions p JOIN executions e ON e.execution_id = p.execution_id
WHERE p.tenant = $1 AND e.tenant = $1
  AND ($2::text IS NULL OR e.workflow = $2)
  AND $3::smallint[] IS NOT NULL
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (e.started_us, e.execution_id) < ($5, $6::text))
ORDER BY e.started_us DESC, e.execution_id DESC
LIMIT $7

-- name: list_tagged_executions
SELECT e.*
FROM execution_tags i JOIN executions e ON e.execution_id = i.execution_id
WHERE i.tenant = $1 AND e.tenant = $1
  AND i.tag = $4
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($3::smallint[] IS NULL OR e.status = ANY ($3))
  AND ($5::bigint IS NULL OR (i.started_us, i.execution_id) < ($5, $6::text))
ORDER BY i.started_us DESC, i.execution_id DESC
LIMIT $7

-- name: read_history
-- The body of a row is null if it and those before it are too large together; the first one has its own in any case.
-- Sizes are known without reading the bodies, which are kept apart.
SELECT last_seq, codec, CASE WHEN size <= $5 OR place = 1 THEN body END AS body
FROM (
    SELECT first_seq, last_seq, codec, body, row_number() OVER so_far AS place, sum(octet_length(body)) OVER so_far AS size
    FROM (
        SELECT first_seq, last_seq, codec, body FROM journal
        WHERE execution_id = $1 AND tenant = $2 AND first_seq > $3 AND first_seq <= $6
        ORDER BY first_seq LIMIT $4
    ) wanted
    WINDOW so_far AS (ORDER BY first_seq)
) weighed
ORDER BY first_seq

-- name: seq_of_row_holding
-- First sequence of the row that holds a sequence, or of the last row before it.
SELECT first_seq FROM journal
WHERE execution_id = $1 AND tenant = $2 AND first_seq <= $3
ORDER BY first_seq DESC LIMIT 1
