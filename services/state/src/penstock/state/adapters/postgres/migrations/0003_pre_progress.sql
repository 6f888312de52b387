-- How far an execution is stands in its last journal row, so that a commit does not touch the projection of an execution
-- that goes on. Rows that were written before have none; of these the projection tells. Executions are now written
-- twice, when they begin and when they end: half of each page is left for the second time.
ALTER TABLE journal ADD COLUMN nodes_total integer, ADD COLUMN nodes_done integer;
ALTER TABLE executions ALTER COLUMN wake_us SET DEFAULT 0, SET (fillfactor = 50);
