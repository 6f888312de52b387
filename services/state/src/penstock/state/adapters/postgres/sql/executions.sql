-- name: as_of_now
-- The rows of a statement below with how far each is: of one that goes on, that stands in its last journal row. Rows that
-- were written before the journal kept it have none.
SELECT e.execution_id, e.tenant, e.status, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
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

-- name: list_live_executions
SELECT e.*
FROM live_executions i JOIN executions e ON e.execution_id = i.execution_id
WHERE i.tenant = $1 AND e.tenant = $1
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($3::smallint[] IS NULL OR e.status = ANY ($3))
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (i.started_us, i.execution_id) < ($5, $6::text))
ORDER BY i.started_us DESC, i.execution_id DESC
LIMIT $7

-- name: list_bad_ends
SELECT e.*
FROM bad_ends i JOIN executions e ON e.execution_id = i.execution_id
WHERE i.tenant = $1 AND e.tenant = $1
  AND i.status = ($3::smallint[])[1]
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (i.started_us, i.execution_id) < ($5, $6::text))
ORDER BY i.started_us DESC, i.execution_id DESC
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
SELECT first_seq, last_seq, codec, body FROM journal
WHERE execution_id = $1 AND tenant = $2 AND first_seq > $3
ORDER BY first_seq LIMIT $4

-- name: seq_of_row_holding
-- First sequence of the row that holds a sequence, or of the last row before it.
SELECT first_seq FROM journal
WHERE execution_id = $1 AND tenant = $2 AND first_seq <= $3
ORDER BY first_seq DESC LIMIT 1
