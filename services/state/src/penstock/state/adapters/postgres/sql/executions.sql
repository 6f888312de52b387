-- name: find_execution
SELECT execution_id, tenant, status, workflow, version, definition_hash, tags, started_us, finished_us, nodes_total,
       nodes_done, failure_reason, last_seq
FROM executions WHERE execution_id = $1 AND tenant = $2

-- name: read_history
SELECT first_seq, last_seq, codec, body FROM journal
WHERE execution_id = $1 AND tenant = $2 AND first_seq > $3
ORDER BY first_seq LIMIT $4

-- name: seq_of_row_holding
-- First sequence of the row that holds a sequence, or of the last row before it.
SELECT first_seq FROM journal
WHERE execution_id = $1 AND tenant = $2 AND first_seq <= $3
ORDER BY first_seq DESC LIMIT 1

-- name: list_executions
SELECT e.execution_id, e.tenant, e.status, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       e.nodes_total, e.nodes_done, e.failure_reason, e.last_seq
FROM executions e
WHERE e.tenant = $1
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($3::smallint[] IS NULL OR e.status = ANY ($3))
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (e.started_us, e.execution_id) < ($5, $6::text))
ORDER BY e.started_us DESC, e.execution_id DESC
LIMIT $7

-- name: list_live_executions
SELECT e.execution_id, e.tenant, e.status, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       e.nodes_total, e.nodes_done, e.failure_reason, e.last_seq
FROM live_executions i JOIN executions e ON e.execution_id = i.execution_id
WHERE i.tenant = $1 AND e.tenant = $1
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($3::smallint[] IS NULL OR e.status = ANY ($3))
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (i.started_us, i.execution_id) < ($5, $6::text))
ORDER BY i.started_us DESC, i.execution_id DESC
LIMIT $7

-- name: list_bad_ends
SELECT e.execution_id, e.tenant, e.status, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       e.nodes_total, e.nodes_done, e.failure_reason, e.last_seq
FROM bad_ends i JOIN executions e ON e.execution_id = i.execution_id
WHERE i.tenant = $1 AND e.tenant = $1
  AND i.status = ($3::smallint[])[1]
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($4::text IS NULL OR $4 = ANY (e.tags))
  AND ($5::bigint IS NULL OR (i.started_us, i.execution_id) < ($5, $6::text))
ORDER BY i.started_us DESC, i.execution_id DESC
LIMIT $7

-- name: list_tagged_executions
SELECT e.execution_id, e.tenant, e.status, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       e.nodes_total, e.nodes_done, e.failure_reason, e.last_seq
FROM execution_tags i JOIN executions e ON e.execution_id = i.execution_id
WHERE i.tenant = $1 AND e.tenant = $1
  AND i.tag = $4
  AND ($2::text IS NULL OR e.workflow = $2)
  AND ($3::smallint[] IS NULL OR e.status = ANY ($3))
  AND ($5::bigint IS NULL OR (i.started_us, i.execution_id) < ($5, $6::text))
ORDER BY i.started_us DESC, i.execution_id DESC
LIMIT $7
