-- The record. Every table that can be read by account has `tenant` in its keys or in the WHERE of its queries.

CREATE TABLE cluster (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    shard_count integer NOT NULL CHECK (shard_count BETWEEN 1 AND 4096)
);

-- Who may write a shard (`owner`, fenced by `epoch`) and up to where it is written (`head`). Updated by every commit,
-- hence the room left in each page: the update stays within it and touches no index.
CREATE TABLE shards (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    head bigint NOT NULL DEFAULT 0,
    owner text
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Coordinators. One is live while `renewed_at <= now < renewed_at + ttl` by the database's clock; a clock set back makes
-- stale rows lie in the future, which the lower bound sorts out.
CREATE TABLE members (
    coordinator_id text PRIMARY KEY,
    address text NOT NULL,
    renewed_at timestamptz NOT NULL,
    ttl interval NOT NULL
) WITH (fillfactor = 20);

-- One row per execution and commit. `codec`: 0 the EventBatch as it is, 1 zstd. EXTERNAL: large bodies go out of line
-- without a second compression.
CREATE TABLE journal (
    shard integer NOT NULL,
    position bigint NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    codec smallint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (shard, position)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.5);
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX journal_by_execution ON journal (execution_id, first_seq);

-- What can be searched of an execution: the projection of its last journal row. `status` and the other changing columns
-- are in no index, so that an update stays within its page (HOT); hence the side tables below.
CREATE TABLE executions (
    execution_id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    shard integer NOT NULL,
    status smallint NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    definition_hash text NOT NULL,
    tags text[] NOT NULL,
    started_us bigint NOT NULL,
    finished_us bigint NOT NULL,
    nodes_total integer NOT NULL,
    nodes_done integer NOT NULL,
    wake_us bigint NOT NULL,
    failure_reason text NOT NULL,
    last_seq bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX executions_newest ON executions (tenant, started_us, execution_id);
CREATE INDEX executions_of_workflow ON executions (tenant, workflow, started_us, execution_id);

-- Executions that have not ended: for recovery by shard, for lists by account. One that starts and ends in the same
-- commit never comes here.
CREATE TABLE live_executions (
    shard integer NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    started_us bigint NOT NULL,
    PRIMARY KEY (shard, execution_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX live_executions_newest ON live_executions (tenant, started_us, execution_id);

-- Executions that ended other than COMPLETED, so that the few are found among the many.
CREATE TABLE bad_ends (
    tenant text COLLATE "C" NOT NULL,
    status smallint NOT NULL,
    started_us bigint NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, status, started_us, execution_id)
);

-- Labels, one row each, so that a page of one label is one index range.
CREATE TABLE execution_tags (
    tenant text COLLATE "C" NOT NULL,
    tag text COLLATE "C" NOT NULL,
    started_us bigint NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, tag, started_us, execution_id)
);

CREATE TABLE workflows (
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    latest_version integer NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Immutable once written.
CREATE TABLE workflow_versions (
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    definition_hash text NOT NULL,
    source text NOT NULL,
    description text NOT NULL,
    created_at timestamptz NOT NULL,
    nodes text[] NOT NULL,
    params_schema_json bytea NOT NULL,
    PRIMARY KEY (tenant, name, version)
);
CREATE INDEX workflow_versions_by_hash ON workflow_versions (tenant, definition_hash);
