-- name: list_latest
-- The latest version of every workflow, after a name.
SELECT w.tenant, w.name, v.definition_hash FROM workflows w
    JOIN workflow_versions v ON v.tenant = w.tenant AND v.name = w.name AND v.version = w.latest_version
WHERE (w.tenant, w.name) > ($1, $2) ORDER BY w.tenant, w.name LIMIT $3

-- name: walk_workflow
-- A workflow's executions by their start, after a place, with how each stands.
SELECT started_us, execution_id, status, finished_us FROM executions
WHERE tenant = $1 AND workflow = $2 AND (started_us, execution_id) > ($3::bigint, $4::text) AND started_us < $5
ORDER BY started_us, execution_id LIMIT $6

-- name: status_of
SELECT status FROM executions WHERE execution_id = $2 AND tenant = $1

-- name: erase_executions
-- Everything of some executions that have ended, in one statement. An execution that has not is in live_executions, and
-- stays. Nothing here is touched by commits: they only add rows, and change those of live executions.
--
-- What a notice names stays too until that is settled: the one that started an execution may come again, and would start it
-- a second time if nothing were left of it. It lies in the shard of the execution above, whose id is among the terms; that
-- one stays because it owes the notice. A notice holds ids as plain text.
WITH ended AS MATERIALIZED (
    SELECT e.execution_id, e.tenant, e.status, e.started_us, e.shard, (
        SELECT p.shard FROM execution_tags t JOIN executions p ON p.execution_id = substr(t.tag, 9)
        WHERE t.execution_id = e.execution_id AND t.tag >= E'\x1d' AND t.tag < E'\x1e' AND t.tag LIKE E'\x1dparent=%'
        LIMIT 1
    ) AS shard_above
    FROM executions e
    WHERE e.execution_id = ANY ($1::text[]) AND e.status <> 1
), chosen AS MATERIALIZED (
    SELECT e.execution_id, e.tenant, e.status, e.started_us FROM ended e
    WHERE NOT EXISTS (
        SELECT FROM notices n
        WHERE n.shard IN (e.shard, e.shard_above) AND position(convert_to(e.execution_id, 'UTF8') IN n.body) > 0
    )
), labels AS (
    DELETE FROM execution_tags t USING executions e, unnest(e.tags) AS named (tag)
    WHERE e.execution_id IN (SELECT execution_id FROM chosen)
      AND t.tenant = e.tenant AND t.tag = named.tag AND t.started_us = e.started_us AND t.execution_id = e.execution_id
), terms AS (
    DELETE FROM execution_tags t USING chosen c
    WHERE t.execution_id = c.execution_id AND t.tag >= E'\x1d' AND t.tag < E'\x1e'
), bad AS (
    DELETE FROM bad_ends b USING chosen c
    WHERE b.tenant = c.tenant AND b.status = c.status AND b.started_us = c.started_us AND b.execution_id = c.execution_id
), letters AS (
    DELETE FROM dead_letters d USING chosen c WHERE d.execution_id = c.execution_id
), refs AS (
    DELETE FROM payload_refs p USING chosen c WHERE p.execution_id = c.execution_id
), below AS (
    DELETE FROM children k USING chosen c WHERE k.tenant = c.tenant AND k.parent_id = c.execution_id
), refused AS (
    DELETE FROM refused_starts r USING chosen c WHERE r.execution_id = c.execution_id
), asked AS (
    DELETE FROM tasks a USING chosen c WHERE a.execution_id = c.execution_id
), history AS (
    DELETE FROM journal j USING chosen c WHERE j.execution_id = c.execution_id
)
DELETE FROM executions e USING chosen c WHERE e.execution_id = c.execution_id
RETURNING e.execution_id
