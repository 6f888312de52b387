-- How often progress was written. What was decided upon an older one is not written over it: the decisions of two looks at
-- one schedule would be mixed.
ALTER TABLE schedules ADD COLUMN writes bigint NOT NULL DEFAULT 0;
ALTER TABLE backfills ADD COLUMN writes bigint NOT NULL DEFAULT 0;
