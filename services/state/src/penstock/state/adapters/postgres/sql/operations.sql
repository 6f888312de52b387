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
SELECT tenant, revision, body FROM operations WHERE shard = ANY ($1::int[]) AND open ORDER BY operation_id

-- name: save_operation
UPDATE operations SET body = $3, open = $4, revision = revision + 1
WHERE operation_id = $1 AND tenant = $5 AND revision = $2 RETURNING revision
