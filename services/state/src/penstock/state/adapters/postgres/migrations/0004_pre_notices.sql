-- What a shard owes to elsewhere (start an execution, tell a parent of an end, cancel a sub-workflow): written with the
-- journal rows that make it so, gone once it has arrived. A queue: rows are short-lived, so it is vacuumed by their number.
CREATE TABLE notices (
    shard integer NOT NULL,
    id bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Sub-workflows of executions, in the order of the nodes, items and attempts that started them.
CREATE TABLE children (
    tenant text COLLATE "C" NOT NULL,
    parent_id text COLLATE "C" NOT NULL,
    node integer NOT NULL,
    item integer NOT NULL,
    attempt integer NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, parent_id, node, item, attempt, execution_id)
);
