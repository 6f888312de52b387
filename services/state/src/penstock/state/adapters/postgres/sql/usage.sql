-- name: count_live
SELECT count(*) FROM live_executions WHERE tenant = $1

-- name: count_live_of_workflow
SELECT count(*) FROM live_executions l JOIN executions e USING (execution_id)
WHERE l.tenant = $1 AND e.workflow = $2

-- name: count_started
SELECT count(*) FROM executions WHERE tenant = $1 AND started_us > $2

-- name: count_started_of_workflow
SELECT count(*) FROM executions WHERE tenant = $1 AND workflow = $3 AND started_us > $2

-- name: nth_started
SELECT started_us FROM executions WHERE tenant = $1 ORDER BY started_us DESC OFFSET $2 - 1 LIMIT 1

-- name: nth_started_of_workflow
SELECT started_us FROM executions WHERE tenant = $1 AND workflow = $3
ORDER BY started_us DESC OFFSET $2 - 1 LIMIT 1
