-- Executions at rest: nothing of them is queued or running, they wait for a timer (`wake_us`, 0 for none) or a signal. They
-- are in no coordinator's memory: who takes their shard loads the others only, and asks for these when they are due. Rows
-- that were there before count as not at rest until their next commit.
ALTER TABLE live_executions
    ADD COLUMN rests boolean NOT NULL DEFAULT false,
    ADD COLUMN wake_us bigint NOT NULL DEFAULT 0;
CREATE INDEX live_executions_sleeping ON live_executions (shard, wake_us, execution_id) WHERE rests AND wake_us > 0;
