-- True while nobody holds the shard and the one who gave it back said that nothing of it runs any more that the journal
-- does not tell of. Taking the shard ends it.
ALTER TABLE shards ADD COLUMN settled boolean NOT NULL DEFAULT false;
