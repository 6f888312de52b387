-- Finding executions. Terms by which they are found beyond labels (searched parameters, links) stand in execution_tags with
-- the character U+001D in front, which no label has.
--
-- `letter` of a bad end: 0 nobody has dealt with it, 1 retried, 2 discarded. Details of 1 and 2 stand in dead_letters. Open
-- ones have an index of their own, so that they are found however many were dealt with.
ALTER TABLE bad_ends
    ADD COLUMN failed_node text NOT NULL DEFAULT '',
    ADD COLUMN letter smallint NOT NULL DEFAULT 0;
CREATE INDEX bad_ends_open ON bad_ends (tenant, started_us, execution_id) WHERE letter = 0 AND status IN (3, 5);

CREATE TABLE dead_letters (
    tenant text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    letter smallint NOT NULL,
    reason text NOT NULL,
    settled_us bigint NOT NULL,
    retried_as text COLLATE "C" NOT NULL,
    PRIMARY KEY (execution_id)
);

-- Which execution refers to which stored payload: written with the journal row that does, removed with the execution.
CREATE TABLE payload_refs (
    tenant text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, digest, execution_id)
);
CREATE INDEX payload_refs_of_execution ON payload_refs (execution_id);

-- Stored payloads that nobody referred to when the sweeper looked (`marked_us`). If that is still so after the grace the
-- object goes and the row says so (`swept`): whoever stores the same bytes at that moment removes the row, reads that, and
-- stores them again.
CREATE TABLE payload_marks (
    tenant text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    marked_us bigint NOT NULL,
    swept boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, digest)
);
CREATE INDEX payload_marks_oldest ON payload_marks (marked_us);

-- Journal rows from before references were noted: the sweeper reads each shard's up to `head` first, and removes no payload
-- before that is done.
CREATE TABLE payload_backlog (
    shard integer PRIMARY KEY,
    position bigint NOT NULL,
    head bigint NOT NULL
);
INSERT INTO payload_backlog (shard, position, head) SELECT shard, 0, head FROM shards WHERE head > 0;
