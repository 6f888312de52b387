-- name: list_notices
-- What a shard owes, the oldest first; a page after an id.
SELECT id, body FROM notices WHERE shard = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: settle_notices
DELETE FROM notices n
USING unnest($1::int[], $2::bigint[]) AS r (shard, id)
WHERE n.shard = r.shard AND n.id = r.id

-- name: refuse_notices
-- Whoever finds a notice gone knows that another one has settled it, perhaps because it arrived: then nothing was refused.
WITH gone AS (
    DELETE FROM notices n
    USING unnest($1::int[], $2::bigint[]) AS r (shard, id)
    WHERE n.shard = r.shard AND n.id = r.id
    RETURNING n.shard, n.id
)
INSERT INTO refused_starts (tenant, execution_id, node, item, attempt, body)
SELECT r.tenant, r.execution_id, r.node, r.item, r.attempt, r.body
FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::int[], $6::int[], $7::int[], $8::bytea[])
    AS r (shard, id, tenant, execution_id, node, item, attempt, body)
JOIN gone USING (shard, id)
ON CONFLICT DO NOTHING

-- name: list_refused
SELECT body FROM refused_starts WHERE execution_id = $1 AND tenant = $2
ORDER BY node, item, attempt LIMIT $3
