-- Operations on many executions. `body` is the whole of one with its progress; `revision` keeps two writers apart. Which
-- coordinator carries it out follows from its shard, as with executions.
CREATE TABLE operations (
    operation_id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    shard integer NOT NULL,
    open boolean NOT NULL,
    revision bigint NOT NULL DEFAULT 1,
    created_us bigint NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX operations_newest ON operations (tenant, created_us, operation_id);
CREATE INDEX operations_open ON operations (shard) WHERE open;

-- The terms of an execution, to remove them with it. Its labels stand in its projection; those have no entry here.
CREATE INDEX execution_tags_terms ON execution_tags (execution_id) WHERE tag >= E'\x1d' AND tag < E'\x1e';
