-- name: ensure_workflow
INSERT INTO workflows (tenant, name, latest_version) VALUES ($1, $2, 0) ON CONFLICT (tenant, name) DO NOTHING

-- name: lock_workflow
SELECT latest_version FROM workflows WHERE tenant = $1 AND name = $2 FOR UPDATE

-- name: advance_workflow
UPDATE workflows SET latest_version = $3 WHERE tenant = $1 AND name = $2

-- name: insert_version
INSERT INTO workflow_versions
    (tenant, name, version, definition_hash, source, description, created_at, nodes, params_schema_json)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7, $8)

-- name: find_version
SELECT name, version, definition_hash, source, description, created_at, nodes, params_schema_json
FROM workflow_versions WHERE tenant = $1 AND name = $2 AND version = $3

-- name: find_latest_version
SELECT v.name, v.version, v.definition_hash, v.source, v.description, v.created_at, v.nodes, v.params_schema_json
FROM workflows w JOIN workflow_versions v USING (tenant, name)
WHERE w.tenant = $1 AND w.name = $2 AND v.version = w.latest_version

-- name: find_definition
SELECT source FROM workflow_versions WHERE tenant = $1 AND definition_hash = $2 LIMIT 1

-- name: list_workflows
SELECT v.name, v.version, v.definition_hash, '' AS source, v.description, v.created_at, v.nodes, v.params_schema_json
FROM workflows w JOIN workflow_versions v USING (tenant, name)
WHERE w.tenant = $1 AND w.name > $2 AND v.version = w.latest_version
ORDER BY w.name LIMIT $3

-- name: list_versions
SELECT name, version, definition_hash, '' AS source, description, created_at, nodes, params_schema_json
FROM workflow_versions
WHERE tenant = $1 AND name = $2 AND ($3::int = 0 OR version < $3)
ORDER BY version DESC LIMIT $4
