-- When an operation ended, so that those that were kept long enough are found; 0 while it goes on. What ended before this is
-- kept as if it had ended now.
ALTER TABLE operations ADD COLUMN ended_us bigint NOT NULL DEFAULT 0;
UPDATE operations SET ended_us = (extract(epoch FROM now()) * 1e6)::bigint WHERE NOT open;
CREATE INDEX operations_ended ON operations (ended_us, operation_id) WHERE NOT open;
