-- When workflows start by themselves. `shard` is that of the id made of account and schedule, and all runs of a schedule are
-- in it too: one coordinator decides about slots and sees their runs. `definition` is what people wrote, without what has
-- a column. The cursor, the queued slot, when it is due next and `progress` (last decisions, open runs) are written by the
-- shard's owner under its epoch, and by a change that makes the schedule count anew.
CREATE TABLE schedules (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    shard integer NOT NULL,
    workflow text COLLATE "C" NOT NULL,
    from_file boolean NOT NULL,
    revision bigint NOT NULL,
    definition bytea NOT NULL,
    cursor_us bigint NOT NULL,
    next_us bigint NOT NULL,
    queued_us bigint NOT NULL DEFAULT 0,
    progress bytea NOT NULL DEFAULT '',
    created_us bigint NOT NULL,
    updated_us bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX schedules_due ON schedules (shard, next_us) WHERE next_us > 0;
CREATE INDEX schedules_queued ON schedules (shard) WHERE queued_us > 0;
CREATE INDEX schedules_of_workflow ON schedules (tenant, workflow, id);

-- Past ranges of slots that are being started. `status`: 1 runs, 2 completed, 3 cancelled.
CREATE TABLE backfills (
    tenant text COLLATE "C" NOT NULL,
    schedule_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    shard integer NOT NULL,
    status smallint NOT NULL,
    from_us bigint NOT NULL,
    to_us bigint NOT NULL,
    concurrency integer NOT NULL,
    slots_total integer NOT NULL,
    progress bytea NOT NULL DEFAULT '',
    created_us bigint NOT NULL,
    PRIMARY KEY (tenant, schedule_id, id),
    FOREIGN KEY (tenant, schedule_id) REFERENCES schedules (tenant, id) ON DELETE CASCADE
);
CREATE INDEX backfills_running ON backfills (shard) WHERE status = 1;

-- How often schedules were changed. The row is locked from the change to its commit, so that whoever has seen a number has
-- seen every change up to it.
CREATE TABLE schedule_changes (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO schedule_changes (number) VALUES (1);
