-- What people are asked: written with the journal rows that ask, gone with those that ask no longer. The journal is the
-- truth; this is for lists over all executions.
CREATE TABLE tasks (
    tenant text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    node integer NOT NULL,
    item integer NOT NULL,
    attempt integer NOT NULL,
    kind smallint NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    node_id text NOT NULL,
    assignees text[] NOT NULL,
    opened_us bigint NOT NULL,
    due_us bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution_id, node, item, attempt)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX tasks_oldest ON tasks (tenant, opened_us, execution_id, node, item);
CREATE INDEX tasks_of_people ON tasks USING gin (assignees);

-- Executions that people have paused.
CREATE TABLE paused_executions (
    tenant text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, execution_id)
);
