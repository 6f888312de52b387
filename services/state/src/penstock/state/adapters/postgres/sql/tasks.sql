-- name: find_task
SELECT execution_id, node, item, attempt, workflow, node_id, opened_us, due_us, body
FROM tasks
WHERE tenant = $1 AND execution_id = $2 AND node = $3 AND item = $4 AND attempt = $5

-- name: list_tasks
-- Open tasks of an account, the oldest first; a page after a place. Those without assignees are for everybody.
SELECT execution_id, node, item, attempt, workflow, node_id, opened_us, due_us, body
FROM tasks
WHERE tenant = $1
  AND ($2::text IS NULL OR execution_id = $2)
  AND ($3::text IS NULL OR workflow = $3)
  AND ($4::text IS NULL OR $4 = ANY (assignees) OR assignees = '{}')
  AND ($5::smallint IS NULL OR kind = $5)
  AND ($6::bigint IS NULL OR (opened_us, execution_id, node, item) > ($6, $7::text, $8::int, $9::int))
ORDER BY opened_us, execution_id, node, item
LIMIT $10
