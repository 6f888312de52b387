-- name: list_children
-- Sub-workflows of one execution, as they are now; a page after a key. Of one that goes on, how far it is stands in its
-- last journal row.
SELECT e.execution_id, e.tenant, e.status, e.workflow, e.version, e.definition_hash, e.tags, e.started_us, e.finished_us,
       COALESCE(j.nodes_total, e.nodes_total), COALESCE(j.nodes_done, e.nodes_done), e.failure_reason,
       COALESCE(j.last_seq, e.last_seq), c.node, c.item, c.attempt
FROM (
    SELECT * FROM children
    WHERE tenant = $1 AND parent_id = $2 AND ($3::int IS NULL OR node = $3)
      AND ($4::int IS NULL OR (node, item, attempt, execution_id) > ($4, $5::int, $6::int, $7::text))
    ORDER BY node, item, attempt, execution_id LIMIT $8
) c
JOIN executions e ON e.execution_id = c.execution_id AND e.tenant = $1
LEFT JOIN LATERAL (
    SELECT nodes_total, nodes_done, last_seq FROM journal
    WHERE e.status = 1 AND execution_id = e.execution_id AND tenant = e.tenant
    ORDER BY first_seq DESC LIMIT 1
) j ON true
ORDER BY c.node, c.item, c.attempt, c.execution_id
