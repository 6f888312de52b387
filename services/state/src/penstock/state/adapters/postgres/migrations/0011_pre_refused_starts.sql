-- What executions asked for, did not wait for, and can never get: failure flows, retry hooks and sub-workflows that could
-- not be started. For readers of those executions; written when the notice is given up.
CREATE TABLE refused_starts (
    tenant text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    node integer NOT NULL,
    item integer NOT NULL,
    attempt integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution_id, node, item, attempt)
);
