-- name: next_backlog
SELECT shard, position, head FROM payload_backlog ORDER BY shard LIMIT 1

-- name: backlog_rows
SELECT position, tenant, execution_id, codec, body FROM journal
WHERE shard = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4

-- name: note_refs
-- Of executions that are still there: one may have been removed since its rows were read.
INSERT INTO payload_refs (tenant, digest, execution_id)
SELECT r.tenant, r.digest, r.execution_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS r (tenant, digest, execution_id)
    JOIN executions e ON e.execution_id = r.execution_id AND e.tenant = r.tenant
ON CONFLICT DO NOTHING

-- name: advance_backlog
UPDATE payload_backlog SET position = $2 WHERE shard = $1

-- name: end_backlog
DELETE FROM payload_backlog WHERE shard = $1

-- name: mark_payloads
INSERT INTO payload_marks (tenant, digest, marked_us)
SELECT $1, d.digest, $3 FROM unnest($2::text[]) AS d (digest)
WHERE NOT EXISTS (SELECT 1 FROM payload_refs r WHERE r.tenant = $1 AND r.digest = d.digest)
ON CONFLICT DO NOTHING
RETURNING digest

-- name: marked_payloads
SELECT tenant, digest FROM payload_marks WHERE marked_us <= $1 AND NOT swept ORDER BY marked_us LIMIT $2

-- name: count_marked
SELECT count(*) FROM payload_marks WHERE marked_us <= $1 AND NOT swept AND ($2::text IS NULL OR tenant = $2)

-- name: lock_mark
SELECT 1 FROM payload_marks WHERE tenant = $1 AND digest = $2 AND NOT swept FOR UPDATE

-- name: is_referred_to
SELECT EXISTS (SELECT 1 FROM payload_refs WHERE tenant = $1 AND digest = $2)

-- name: note_swept
UPDATE payload_marks SET swept = true WHERE tenant = $1 AND digest = $2

-- name: unmark_payload
DELETE FROM payload_marks WHERE tenant = $1 AND digest = $2 RETURNING swept

-- name: forget_swept
DELETE FROM payload_marks WHERE swept AND marked_us <= $1
