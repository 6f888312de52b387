-- name: find_letter
SELECT b.letter, d.reason, d.settled_us, d.retried_as
FROM executions e
    JOIN bad_ends b ON b.tenant = e.tenant AND b.status = e.status AND b.started_us = e.started_us
        AND b.execution_id = e.execution_id
    LEFT JOIN dead_letters d ON d.execution_id = e.execution_id
WHERE e.execution_id = $2 AND e.tenant = $1 AND b.status IN (3, 5)

-- name: lock_letter
-- Also keeps two who settle the same letter apart.
SELECT b.letter FROM executions e
    JOIN bad_ends b ON b.tenant = e.tenant AND b.status = e.status AND b.started_us = e.started_us
        AND b.execution_id = e.execution_id
WHERE e.execution_id = $2 AND e.tenant = $1 AND b.status IN (3, 5)
FOR UPDATE OF b

-- name: set_letter
UPDATE bad_ends b SET letter = $3
FROM executions e
WHERE e.execution_id = $2 AND e.tenant = $1 AND b.tenant = e.tenant AND b.status = e.status
  AND b.started_us = e.started_us AND b.execution_id = e.execution_id

-- name: write_letter
INSERT INTO dead_letters (tenant, execution_id, letter, reason, settled_us, retried_as)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (execution_id) DO UPDATE
SET letter = EXCLUDED.letter, reason = EXCLUDED.reason, settled_us = EXCLUDED.settled_us, retried_as = EXCLUDED.retried_as

-- name: remove_letter
DELETE FROM dead_letters WHERE execution_id = $2 AND tenant = $1
