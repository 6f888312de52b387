-- name: renew_member
INSERT INTO members (coordinator_id, address, renewed_at, ttl)
VALUES ($1, $2, clock_timestamp(), make_interval(secs => $3::int / 1000.0))
ON CONFLICT (coordinator_id)
DO UPDATE SET address = excluded.address, renewed_at = excluded.renewed_at, ttl = excluded.ttl

-- name: remove_member
WITH released AS (UPDATE shards SET owner = NULL WHERE owner = $1)
DELETE FROM members WHERE coordinator_id = $1

-- name: forget_dead_members
-- Long gone ones only: what a row says of a recent death may still be read.
DELETE FROM members
WHERE renewed_at + ttl + interval '10 minutes' < clock_timestamp()

-- name: live_members
SELECT coordinator_id, address FROM members
WHERE renewed_at <= clock_timestamp() AND clock_timestamp() < renewed_at + ttl
ORDER BY coordinator_id

-- name: held_leases
SELECT s.shard, s.owner, s.epoch FROM shards s JOIN members m ON m.coordinator_id = s.owner
WHERE m.renewed_at <= clock_timestamp() AND clock_timestamp() < m.renewed_at + m.ttl
ORDER BY s.shard

-- name: schedules_changed
SELECT number FROM schedule_changes

-- name: acquire_shards
-- Locks in the order of shard numbers, so that two who want the same ones do not block each other for ever.
WITH wanted AS (
    SELECT shard, settled FROM shards WHERE shard = ANY ($2::int[]) ORDER BY shard FOR UPDATE
), live AS (
    SELECT coordinator_id FROM members
    WHERE renewed_at <= clock_timestamp() AND clock_timestamp() < renewed_at + ttl
)
UPDATE shards s SET owner = $1, epoch = s.epoch + 1, settled = false
FROM wanted w
WHERE s.shard = w.shard
  AND EXISTS (SELECT FROM live WHERE coordinator_id = $1)
  AND (s.owner IS NULL OR s.owner = $1 OR NOT EXISTS (SELECT FROM live WHERE coordinator_id = s.owner))
RETURNING s.shard, s.epoch, s.head, w.settled

-- name: is_member
SELECT EXISTS (
    SELECT FROM members
    WHERE coordinator_id = $1 AND renewed_at <= clock_timestamp() AND clock_timestamp() < renewed_at + ttl
)

-- name: release_shards
-- What is said of a shard holds for the lease under which it was true: the word may come late.
UPDATE shards s SET owner = NULL, settled = EXISTS (
    SELECT FROM unnest($3::int[], $4::bigint[]) AS said (shard, epoch)
    WHERE said.shard = s.shard AND said.epoch = s.epoch
)
WHERE s.shard = ANY ($2::int[]) AND s.owner = $1
