-- name: by_start
-- A search goes through one index in the order of the answer and checks what it meets. The ways in (`by_*`) are indexes;
-- search.py chooses the one that fits the fewest, and puts its text into `walk`. Words in braces are put in by search.py:
-- (value) one parameter, (bounds) the part of the index that is still to be looked at, (order) ASC or DESC.
SELECT started_us, execution_id FROM executions WHERE tenant = $1 AND {bounds}

-- name: by_workflow
SELECT started_us, execution_id FROM executions WHERE tenant = $1 AND workflow = {value} AND {bounds}

-- name: by_term
SELECT started_us, execution_id FROM execution_tags WHERE tenant = $1 AND tag = {value} AND {bounds}

-- name: by_life
SELECT started_us, execution_id FROM live_executions WHERE tenant = $1 AND {value} = 1 AND {bounds}

-- name: by_pause
SELECT started_us, execution_id FROM (
    SELECT e.started_us, e.execution_id FROM paused_executions p JOIN executions e ON e.execution_id = p.execution_id
    WHERE p.tenant = $1 AND {value} = 1 AND e.status = 1
) paused WHERE {bounds}

-- name: by_bad_end
SELECT started_us, execution_id FROM bad_ends WHERE tenant = $1 AND status = {value} AND {bounds}

-- name: by_open_letter
SELECT started_us, execution_id FROM bad_ends
WHERE tenant = $1 AND letter = 0 AND status IN (3, 5) AND {value} = 0 AND {bounds}

-- name: by_id
SELECT started_us, execution_id FROM executions WHERE execution_id = {value} AND tenant = $1 AND {bounds}

-- name: walk_one
(SELECT * FROM ({way}) way ORDER BY started_us {order}, execution_id {order} LIMIT {steps})

-- name: size_of_way
SELECT count(*) FROM (SELECT 1 FROM ({walk}) walk LIMIT {steps}) counted

-- name: end_of_walk
-- The place that many steps on; no row if the walk ends before.
SELECT started_us, execution_id FROM ({walk}) walk
ORDER BY started_us {order}, execution_id {order} OFFSET {steps} - 1 LIMIT 1

-- name: found
SELECT e.* FROM (SELECT DISTINCT started_us, execution_id FROM ({walk}) steps) walk
    JOIN executions e ON e.execution_id = walk.execution_id
WHERE e.tenant = $1 {conditions}
ORDER BY walk.started_us {order}, walk.execution_id {order}
LIMIT {limit}

-- name: as_of_now
-- What is found with how far each is, and how those that ended badly did.
SELECT e.execution_id, e.tenant, CASE WHEN e.status = 1 AND EXISTS (
           SELECT FROM paused_executions p WHERE p.tenant = e.tenant AND p.execution_id = e.execution_id
       ) THEN 6 ELSE e.status END, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       COALESCE(j.nodes_total, e.nodes_total), COALESCE(j.nodes_done, e.nodes_done), e.failure_reason,
       COALESCE(j.last_seq, e.last_seq), b.failed_node, b.letter, d.reason, d.settled_us, d.retried_as
FROM ({found}) e LEFT JOIN LATERAL (
    SELECT nodes_total, nodes_done, last_seq FROM journal
    WHERE e.status = 1 AND execution_id = e.execution_id AND tenant = e.tenant
    ORDER BY first_seq DESC LIMIT 1
) j ON true
LEFT JOIN bad_ends b ON e.status > 2 AND b.tenant = e.tenant AND b.status = e.status AND b.started_us = e.started_us
    AND b.execution_id = e.execution_id
LEFT JOIN dead_letters d ON b.letter > 0 AND d.execution_id = e.execution_id
ORDER BY e.started_us {order}, e.execution_id {order}

-- name: is_paused
(e.status = 1 AND EXISTS (
    SELECT FROM paused_executions p WHERE p.tenant = e.tenant AND p.execution_id = e.execution_id
))

-- name: is_unbegun
-- It rests, and what it rests for is its beginning.
EXISTS (
    SELECT FROM live_executions l JOIN execution_tags t ON t.tenant = e.tenant AND t.tag = E'\x1dbegins=' || l.wake_us
        AND t.started_us = e.started_us AND t.execution_id = e.execution_id
    WHERE l.shard = e.shard AND l.execution_id = e.execution_id AND l.rests
)

-- name: has_term
EXISTS (
    SELECT 1 FROM execution_tags t
    WHERE t.tenant = e.tenant AND t.tag = ANY ({value}::text[]) AND t.started_us = e.started_us
      AND t.execution_id = e.execution_id
)

-- name: has_bad_end
EXISTS (
    SELECT 1 FROM bad_ends b
    WHERE b.tenant = e.tenant AND b.status = e.status AND b.started_us = e.started_us AND b.execution_id = e.execution_id
      AND {check}
)
