-- name: lock_schedule
SELECT * FROM schedules WHERE tenant = $1 AND id = $2 FOR UPDATE

-- name: lock_id
-- A row that is not there yet cannot be locked: those who would make the same one wait here for each other.
SELECT pg_advisory_xact_lock(hashtextextended(jsonb_build_array('schedule', $1::text, $2::text)::text, 0))

-- name: count_schedules
SELECT count(*) FROM schedules WHERE tenant = $1

-- name: write_schedule
INSERT INTO schedules (tenant, id, shard, workflow, from_file, revision, definition, cursor_us, next_us, created_us, updated_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (tenant, id) DO UPDATE
SET workflow = excluded.workflow, from_file = excluded.from_file, revision = excluded.revision,
    definition = excluded.definition, cursor_us = excluded.cursor_us, next_us = excluded.next_us,
    updated_us = excluded.updated_us

-- name: remove_schedule
DELETE FROM schedules WHERE tenant = $1 AND id = $2

-- name: schedules_of_file
SELECT id FROM schedules WHERE tenant = $1 AND workflow = $2 AND from_file ORDER BY id FOR UPDATE

-- name: tell_change
UPDATE schedule_changes SET number = number + 1

-- name: find_schedule
SELECT * FROM schedules WHERE tenant = $1 AND id = $2

-- name: list_schedules
SELECT * FROM schedules
WHERE tenant = $1 AND id > $3 AND ($2::text IS NULL OR workflow = $2)
ORDER BY id LIMIT $4

-- name: due_schedules
SELECT s.* FROM unnest($1::int[]) AS w (shard) CROSS JOIN LATERAL (
    SELECT * FROM schedules
    WHERE shard = w.shard AND next_us > 0 AND next_us <= $2
    ORDER BY next_us LIMIT $3
) s
ORDER BY s.next_us LIMIT $3

-- name: queued_schedules
SELECT s.* FROM unnest($1::int[]) AS w (shard) JOIN schedules s ON s.shard = w.shard AND s.queued_us > 0
ORDER BY s.queued_us LIMIT $2

-- name: running_backfills
SELECT b.* FROM unnest($1::int[]) AS w (shard) JOIN backfills b ON b.shard = w.shard AND b.status = 1
ORDER BY b.created_us LIMIT $2

-- name: schedules_of_keys
SELECT s.* FROM unnest($1::text[], $2::text[]) AS w (tenant, id) JOIN schedules s ON s.tenant = w.tenant AND s.id = w.id

-- name: next_due
SELECT min(s.next_us) FROM unnest($1::int[]) AS w (shard) CROSS JOIN LATERAL (
    SELECT next_us FROM schedules
    WHERE shard = w.shard AND next_us > $2
    ORDER BY next_us LIMIT 1
) s

-- name: still_live
SELECT execution_id FROM live_executions WHERE shard = ANY ($1::int[]) AND execution_id = ANY ($2::text[])

-- name: held_shards
-- Shards that are held under these epochs, kept so until the end of the transaction: taking a shard waits for it, commits of
-- the journal do not.
SELECT s.shard FROM unnest($1::int[], $2::bigint[]) AS w (shard, epoch)
JOIN shards s ON s.shard = w.shard AND s.epoch = w.epoch
ORDER BY s.shard
FOR KEY SHARE OF s

-- name: record_schedule
-- One that was removed and made anew since it was decided upon is another schedule. The row is told of even if it is not
-- written, to tell one that is gone from one that was written since. One with a start by hand that begins is due at once.
WITH there AS (
    SELECT tenant, id FROM schedules WHERE tenant = $1 AND id = $2 AND $8::bigint IN (created_us, 0) FOR UPDATE
), written AS (
    UPDATE schedules s
    SET cursor_us = GREATEST(cursor_us, $4), queued_us = $5, progress = $6, writes = writes + 1,
        next_us = CASE WHEN revision = $3 OR $10 THEN $7 ELSE next_us END
    FROM there
    WHERE s.tenant = there.tenant AND s.id = there.id AND writes = COALESCE($9, writes)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM there) AND NOT EXISTS (SELECT FROM written)

-- name: record_backfill
WITH there AS (
    SELECT tenant, schedule_id, id FROM backfills
    WHERE tenant = $1 AND schedule_id = $2 AND id = $3 AND status = 1 AND $6::bigint IN (created_us, 0) FOR UPDATE
), written AS (
    UPDATE backfills b
    SET progress = $4, status = $5, writes = writes + 1
    FROM there
    WHERE b.tenant = there.tenant AND b.schedule_id = there.schedule_id AND b.id = there.id AND writes = COALESCE($7, writes)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM there) AND NOT EXISTS (SELECT FROM written)

-- name: add_backfill
INSERT INTO backfills (tenant, schedule_id, id, shard, status, from_us, to_us, concurrency, slots_total, progress, created_us)
VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10)
ON CONFLICT (tenant, schedule_id, id) DO NOTHING

-- name: count_running
SELECT count(*) FROM backfills WHERE tenant = $1 AND schedule_id = $2 AND status = 1

-- name: find_backfill
SELECT * FROM backfills WHERE tenant = $1 AND schedule_id = $2 AND id = $3

-- name: lock_backfill
SELECT * FROM backfills WHERE tenant = $1 AND schedule_id = $2 AND id = $3 FOR UPDATE

-- name: stop_backfill
UPDATE backfills SET status = 3, progress = $4 WHERE tenant = $1 AND schedule_id = $2 AND id = $3

-- name: list_backfills
SELECT * FROM backfills WHERE tenant = $1 AND schedule_id = $2 ORDER BY created_us DESC, id DESC LIMIT 100
