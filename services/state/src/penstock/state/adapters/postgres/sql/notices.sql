-- name: list_notices
-- What a shard owes, the oldest first; a page after an id.
SELECT id, body FROM notices WHERE shard = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: settle_notices
DELETE FROM notices n
USING unnest($1::int[], $2::bigint[]) AS r (shard, id)
WHERE n.shard = r.shard AND n.id = r.id
