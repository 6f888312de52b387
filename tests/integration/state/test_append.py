"""Appends over gRPC, while PostgreSQL comes and goes."""

import asyncio

import grpc
import pytest

from penstock.api.state.v1 import state_service_pb2 as pb
from penstock.api.workflow.v1 import workflow_service_pb2 as wf
from penstock.common.errors import Fenced, InvalidArgument, Unavailable
from penstock.common.rpc.channel import call
from support.state_rows import an_id, end, request, start, step, write


async def ask(stream, *requests):
    """Send requests, return their answers."""
    for one in requests:
        await stream.write(one)
    return [await stream.read() for _ in requests]


async def journal_of(client, number):
    asked = pb.ReadEventsRequest(execution_id=an_id(number))
    return (await call(client.query.ReadEvents, asked)).batches


async def test_answers_come_in_order_and_mean_on_disk(client):
    epoch = await client.lease()
    stream = client.journal.Append()
    requests = [request(n, write(1, epoch, n, start(n))) for n in range(1, 30)]
    answers = await ask(stream, *requests)
    assert [answer.batch_id for answer in answers] == list(range(1, 30))
    assert not any(answer.fenced_shards for answer in answers)
    assert len(await journal_of(client, 29)) == 1
    await stream.done_writing()
    assert await stream.read() == grpc.aio.EOF


async def test_an_older_lease_is_fenced(client):
    old = await client.lease()
    new = await client.lease()
    stream = client.journal.Append()
    (answer,) = await ask(stream, request(1, write(1, old, 1, start(1))))
    assert list(answer.fenced_shards) == [1]
    (answer,) = await ask(stream, request(2, write(1, new, 1, start(1))))
    assert not answer.fenced_shards
    stream.cancel()


async def test_a_batch_sent_again_over_another_stream_is_committed_once(client):
    epoch = await client.lease()
    sent = request(1, write(1, epoch, 1, start(1), start(2)))
    for _ in range(2):
        stream = client.journal.Append()
        (answer,) = await ask(stream, sent)
        assert not answer.fenced_shards
        stream.cancel()
    assert len(await journal_of(client, 1)) == 1


async def test_recovery_gets_the_live_executions_of_a_shard(client):
    epoch = await client.lease()
    stream = client.journal.Append()
    large = [start(n, padding=40_000) for n in range(1, 121)]
    await ask(stream, request(1, write(1, epoch, 1, *large, step(2, 3), end(3, 3))))
    loaded = []
    async for answer in client.journal.LoadShard(pb.LoadShardRequest(shard=1)):
        assert answer.ByteSize() < 4 * 1024 * 1024
        loaded += answer.bodies
    assert len(loaded) == 120
    assert loaded[1:3] == [start(2, padding=40_000).body, step(2, 3).body]
    stream.cancel()


async def test_appends_wait_for_postgresql_and_are_answered_when_it_is_back(postgres, client):
    epoch = await client.lease()
    stream = client.journal.Append()
    await ask(stream, request(1, write(1, epoch, 1, start(1))))
    postgres.crash()
    for n in range(2, 6):
        await stream.write(request(n, write(1, epoch, n, start(n))))
    with pytest.raises(Unavailable) as caught:
        await call(client.query.ListExecutions, wf.ListExecutionsRequest())
    assert "PostgreSQL" in caught.value.message
    postgres.start()
    answers = [await stream.read() for _ in range(4)]
    assert [(a.batch_id, list(a.fenced_shards)) for a in answers] == [(n, []) for n in range(2, 6)]
    listed = await call(client.query.ListExecutions, wf.ListExecutionsRequest())
    assert len(listed.executions) == 5
    stream.cancel()


async def test_a_read_only_database_refuses_new_work_and_heals(postgres, database_url, client):
    epoch = await client.lease()
    name = database_url.rpartition("/")[2]
    postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgres.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    stream = client.journal.Append()
    await stream.write(request(1, write(1, epoch, 1, start(1))))
    workflow = wf.Workflow(name="w", definition_hash="h", source="s")
    with pytest.raises(Unavailable) as caught:
        await call(client.query.PutWorkflow, pb.PutWorkflowRequest(workflow=workflow))
    assert caught.value.retryable
    postgres.sql(
        f"ALTER DATABASE {name} RESET default_transaction_read_only;"
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    assert not (await stream.read()).fenced_shards
    stream.cancel()


REFUSE_AS_IF_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON journal EXECUTE FUNCTION refuse();
"""


async def test_a_full_disk_delays_answers_and_loses_nothing(postgres, database_url, client):
    name = database_url.rpartition("/")[2]
    epoch = await client.lease()
    stream = client.journal.Append()
    postgres.sql(REFUSE_AS_IF_FULL, name)
    for n in range(1, 4):
        await stream.write(request(n, write(1, epoch, n, start(n))))
    assert postgres.sql("SELECT count(*) FROM executions", name) == "0"
    postgres.sql("DROP TRIGGER full_disk ON journal", name)
    answers = [await stream.read() for _ in range(3)]
    assert [(a.batch_id, list(a.fenced_shards)) for a in answers] == [(1, []), (2, []), (3, [])]
    assert postgres.sql("SELECT count(*), max(position) FROM journal", name) == "3|3"
    stream.cancel()


async def test_a_broken_stream_does_not_disturb_the_others(client):
    epoch = await client.lease()
    for _ in range(20):
        broken = client.journal.Append()
        await broken.write(request(1, write(2, epoch, 1, start(1))))
        broken.cancel()
    stream = client.journal.Append()
    (answer,) = await ask(stream, request(1, write(1, epoch, 1, start(2))))
    assert not answer.fenced_shards
    stream.cancel()


async def test_many_streams_share_commits_and_each_keeps_its_order(client):
    epoch = await client.lease()

    async def one_stream(shard):
        stream = client.journal.Append()
        requests = [
            request(n, write(shard, epoch, n, start(shard * 1000 + n))) for n in range(1, 41)
        ]
        answers = await ask(stream, *requests)
        assert [answer.batch_id for answer in answers] == list(range(1, 41))
        stream.cancel()

    async with asyncio.TaskGroup() as tasks:
        for shard in range(8):
            tasks.create_task(one_stream(shard))
    asked = wf.ListExecutionsRequest(page_size=500)
    assert len((await call(client.query.ListExecutions, asked)).executions) == 320


async def test_leases_need_sense(client):
    for bad in (
        pb.JoinRequest(address="h:1", ttl_ms=1000),
        pb.JoinRequest(coordinator_id="c", ttl_ms=1000),
        pb.JoinRequest(coordinator_id="c", address="h:1"),
    ):
        with pytest.raises(InvalidArgument):
            await call(client.journal.Join, bad)
    wanted = pb.AcquireShardsRequest(coordinator_id="stranger", shards=[1])
    with pytest.raises(Fenced):
        await call(client.journal.AcquireShards, wanted)
    wanted = pb.AcquireShardsRequest(coordinator_id="stranger", shards=[8])
    with pytest.raises(InvalidArgument) as caught:
        await call(client.journal.AcquireShards, wanted)
    assert "0 to 7" in (caught.value.fix or "")
