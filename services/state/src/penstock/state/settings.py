"""What state can be told."""

from dataclasses import dataclass

from penstock.common.settings import ServiceSettings, setting


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """Settings of the state service."""

    listen: str = setting(
        "127.0.0.1:7402", "Address to serve on, host:port; port 0 takes a free one"
    )
    database_url: str = setting(
        "postgresql://postgres@127.0.0.1:5432/penstock",
        "PostgreSQL 15 or newer",
        secret=True,
    )
    database_connections: int = setting(8, "Connections for reads; the journal has one more")
    migrate_on_start: bool = setting(True, "Bring the database's schema up to date at start")
    shard_count: int = setting(64, "Number of shards of a new cluster; fixed for ever")
    nats_url: str = setting("", "NATS with JetStream; empty publishes nothing", secret=True)
    payload_url: str = setting(
        "file:///var/lib/penstock/payloads",
        "Where large payloads are kept: file:///folder, s3://bucket/prefix, gs://, az://, memory:///",
        secret=True,
    )
    compress_above_bytes: int = setting(2048, "Journal rows above this size are compressed")
    append_rows_max: int = setting(4000, "Most rows of one commit")
    append_bytes_max: int = setting(16 * 1024 * 1024, "Most bytes of one commit")
    publish_queue_rows: int = setting(20_000, "Rows waiting in memory for JetStream")
    retain_completed_s: float = setting(
        0.0, "How long completed executions are kept where the workflow says nothing; 0 for ever"
    )
    retain_failed_s: float = setting(
        0.0, "The same for executions that ended otherwise; 0 for ever"
    )
    retain_operations_s: float = setting(
        2_592_000.0, "How long operations on many executions are kept after their end; 0 for ever"
    )
    sweep_every_s: float = setting(60.0, "How often what is to be removed is looked for")
    payload_grace_s: float = setting(
        86_400.0,
        "How long a stored payload that nothing refers to is kept; longer than state may be away",
    )
    republish_recent_rows: int = setting(
        1000, "Rows of each shard that are published again after JetStream lost everything"
    )
