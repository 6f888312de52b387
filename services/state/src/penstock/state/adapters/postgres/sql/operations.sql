-- name: create_operation
INSERT INTO operations (operation_id, tenant, shard, open, created_us, body) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING revision

-- name: find_operation
SELECT tenant, revision, body FROM operations WHERE operation_id = $1 AND tenant = $2

-- name: page_operations
SELECT tenant, revision, body FROM operations
WHERE tenant = $1 AND ($2::bigint IS NULL OR (created_us, operation_id) < ($2, $3::text))
ORDER BY created_us DESC, operation_id DESC LIMIT $4

-- name: open_operations
SELECT tenant, revision, body FROM operations WHERE shard = ANY ($1::int[]) AND open AND operation_id > $2
ORDER BY operation_id LIMIT $3

-- name: save_operation
UPDATE operations SET body = $3, open = $4, ended_us = $6, revision = revision + 1
WHERE operation_id = $1 AND tenant = $5 AND revision = $2 RETURNING revision

-- name: count_ended
-- How many ended until then, of an account or of all. What a process before `ended_us` ended has none: it counts from its
-- beginning.
SELECT count(*) FROM operations
WHERE NOT open AND ended_us <= $2 AND created_us <= $2 AND ($1::text IS NULL OR tenant = $1)

-- name: erase_ended
-- Some of those, of all accounts. Nobody writes them any more.
DELETE FROM operations WHERE operation_id = ANY (ARRAY(
    SELECT operation_id FROM operations WHERE NOT open AND ended_us <= $1 AND created_us <= $1
    ORDER BY ended_us, operation_id LIMIT $2
)) RETURNING operation_id
