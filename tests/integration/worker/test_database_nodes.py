"""db.query@1 and db.exec@1 on PostgreSQL and SQLite."""

import asyncio
from contextlib import AsyncExitStack
from itertools import count

import pytest

from penstock.nodes.api import Environment, NodeFailure
from penstock.nodes.db_exec.run import run as run_exec
from penstock.nodes.db_query.run import run as run_query
from support.node_calls import OpenedResources, make_call, plain
from support.postgres import free_port

NAMES = count()


@pytest.fixture
async def database(request, tmp_path):
    """Runs the nodes on one database."""
    async with AsyncExitStack() as stack:
        environment = Environment(data_roots=(str(tmp_path),), rows_max=50)
        resources = OpenedResources(environment, stack)
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/test.db"
        else:
            server = request.getfixturevalue("postgres")
            url = server.create_database(f"nodes{next(NAMES)}")

        class Database:
            kind = request.param
            keys = count()

            async def query(self, sql, *args, **more):
                config = {"url": url, "sql": sql, "args": list(args)}
                call = make_call(config, resources=resources, environment=environment, **more)
                return plain((await run_query(call)).output)

            async def change(self, sql, *args, key="", **config):
                if args:
                    config["args"] = list(args)
                call = make_call(
                    {"url": url, "sql": sql, **config},
                    resources=resources,
                    environment=environment,
                    idempotency_key=key or f"01J/n{next(self.keys)}/0",
                )
                return plain((await run_exec(call)).output)

        yield Database()


both = pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
only_postgres = pytest.mark.parametrize("database", ["postgres"], indirect=True)
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@both
class TestBoth:
    async def test_rows_are_objects_by_column(self, database):
        await database.change("create table t (id integer primary key, name text)")
        changed = await database.change("insert into t values ($1, $2), ($3, $4)", 1, "a", 2, None)
        assert changed == {"rows_affected": 2, "rows": []}
        rows = await database.query("select id, name from t where id > $1 order by id", 0)
        assert rows == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]

    async def test_a_list_of_arguments_runs_for_each(self, database):
        await database.change("create table t (id integer, name text)")
        await database.change(
            "insert into t values ($1, $2)", args_list=[[place, f"n{place}"] for place in range(9)]
        )
        assert await database.query("select count(*) as n from t") == [{"n": 9}]

    async def test_returning_gives_rows(self, database):
        await database.change("create table t (id integer)")
        changed = await database.change("insert into t values ($1) returning id", 5)
        assert changed["rows"] == [{"id": 5}]

    async def test_a_repeated_attempt_gives_the_first_result_and_changes_nothing(self, database):
        await database.change("create table t (id integer)")
        first = await database.change("insert into t values (1) returning id", key="k")
        again = await database.change("insert into t values (1) returning id", key="k")
        assert first == again
        assert await database.query("select count(*) as n from t") == [{"n": 1}]

    async def test_attempts_at_the_same_time_make_one_change(self, database):
        await database.change("create table t (id integer)")
        await asyncio.gather(
            *(database.change("insert into t values (1)", key="k") for _ in range(6))
        )
        assert await database.query("select count(*) as n from t") == [{"n": 1}]

    async def test_without_the_ledger_each_attempt_counts(self, database):
        await database.change("create table t (id integer)", ledger=False)
        for _ in range(2):
            await database.change("insert into t values (1)", key="k", ledger=False)
        assert await database.query("select count(*) as n from t") == [{"n": 2}]

    async def test_a_failed_change_leaves_nothing_behind_and_may_be_repeated(self, database):
        await database.change("create table t (id integer primary key)")
        await database.change("insert into t values (1)")
        with pytest.raises(NodeFailure, match="DB_CONSTRAINT") as caught:
            await database.change("insert into t values ($1)", args_list=[[2], [1]], key="k")
        assert caught.value.error_class == "permanent"
        assert await database.query("select id from t") == [{"id": 1}]
        await database.change("insert into t values (3)", key="k")
        assert len(await database.query("select id from t")) == 2

    async def test_a_query_cannot_change_anything(self, database):
        await database.change("create table t (id integer)")
        with pytest.raises(NodeFailure):
            await database.query("insert into t values (1) returning id")
        assert await database.query("select id from t") == []

    async def test_wrong_sql_is_permanent(self, database):
        with pytest.raises(NodeFailure, match="DB_SYNTAX") as caught:
            await database.query("selekt 1")
        assert caught.value.error_class == "permanent"

    async def test_more_rows_than_the_limit_are_refused(self, database):
        await database.change("create table t (id integer)")
        await database.change("insert into t values ($1)", args_list=[[n] for n in range(51)])
        with pytest.raises(NodeFailure, match="TOO_MANY_ROWS"):
            await database.query("select id from t")
        assert len(await database.query("select id from t limit 50")) == 50

    async def test_expressions_inside_the_sql_are_refused(self, database):
        with pytest.raises(NodeFailure, match="SQL_HAS_EXPRESSION"):
            await database.query("select * from t where id = '${{ params.id }}'")

    async def test_a_wrong_number_of_arguments_is_told(self, database):
        with pytest.raises(NodeFailure, match="DB_ARGUMENT"):
            await database.query("select cast($1 as int) + cast($2 as int) as n", 1)

    async def test_large_integers_and_bytes_survive_json(self, database):
        await database.change("create table t (n bigint, b bytea)")
        await database.change("insert into t values ($1, $2)", 2**60, {"base64": "AP8="})
        assert await database.query("select n, b from t") == [
            {"n": str(2**60), "b": {"base64": "AP8="}}
        ]


@only_postgres
class TestPostgres:
    async def test_values_of_many_types_become_json(self, database):
        [row] = await database.query(
            "select 1.5::numeric(10,2) as d, date '2026-01-31' as day, "
            "timestamptz '2026-01-31 10:00+01' as at, '{\"a\": [1]}'::jsonb as j, array[1,2] as list, "  # noqa: E501
            "'5f0c3d5e-0000-4000-8000-000000000001'::uuid as id, true as b, null::int as n, "
            "interval '90 seconds' as i"
        )
        assert row == {
            "d": 1.5, "day": "2026-01-31", "at": "2026-01-31T09:00:00Z", "j": {"a": [1]},
            "list": [1, 2], "id": "5f0c3d5e-0000-4000-8000-000000000001", "b": True, "n": None,
            "i": "PT90S",
        }  # fmt: skip

    async def test_json_arguments_fit_their_parameters(self, database):
        [row] = await database.query(
            "select $1::numeric as d, $2::date as day, $3::timestamptz as at, $4::jsonb as j, "
            "$5::int[] as list, "
            "$6::text as t, $7::uuid as id, $8::timestamp as local, $9::float8 as f, $10::jsonb as none",  # noqa: E501
            12.25, "2026-01-31", "2026-01-31T10:00:00+01:00", {"a": 1}, [1, None], 5,
            "5f0c3d5e-0000-4000-8000-000000000001", "2026-01-31T10:00:00Z", 3, None,
        )  # fmt: skip
        assert row == {
            "d": 12.25, "day": "2026-01-31", "at": "2026-01-31T09:00:00Z", "j": {"a": 1},
            "list": [1, None], "t": "5", "id": "5f0c3d5e-0000-4000-8000-000000000001",
            "local": "2026-01-31T10:00:00", "f": 3, "none": None,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("cast", "value"), [("int", 1.5), ("date", "soon"), ("int[]", 3), ("int", 2**40)]
    )
    async def test_an_argument_that_does_not_fit_is_named(self, database, cast, value):
        with pytest.raises(NodeFailure, match="DB_ARGUMENT") as caught:
            await database.query(f"select $1::{cast} as x", value)
        assert caught.value.error_class == "user"

    async def test_a_server_that_is_away_is_transient(self, database):
        url = f"postgresql://postgres:secret@127.0.0.1:{free_port()}/x"
        environment = Environment()
        async with AsyncExitStack() as stack:
            resources = OpenedResources(environment, stack)
            with pytest.raises(NodeFailure, match="DB_CONNECTION") as caught:
                await run_query(make_call({"url": url, "sql": "select 1"}, resources=resources))
        assert caught.value.error_class == "transient"
        assert "secret" not in caught.value.message

    async def test_serialization_faults_are_transient(self, database):
        with pytest.raises(NodeFailure, match="DB_SERIALIZATION") as caught:
            await database.change(
                "do $$ begin raise exception 'again' using errcode = '40001'; end $$"
            )
        assert caught.value.error_class == "transient"


@only_sqlite
class TestSqlite:
    async def test_question_marks_and_json_values(self, database):
        [row] = await database.query("select ? as a, ? as b, ? as c", True, {"k": 1}, 2.5)
        assert row == {"a": 1, "b": '{"k":1}', "c": 2.5}

    async def test_a_statement_that_is_cancelled_is_interrupted(self, database):
        endless = "with recursive c(x) as (select 1 union all select x + 1 from c) select x from c where x < 0"  # noqa: E501
        running = asyncio.ensure_future(database.query(endless))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await database.query("select 1 as n") == [{"n": 1}]


async def test_a_file_outside_the_allowed_folders_is_refused(tmp_path):
    environment = Environment(data_roots=(str(tmp_path),))
    async with AsyncExitStack() as stack:
        resources = OpenedResources(environment, stack)
        for url in ("sqlite:////etc/x.db", "sqlite:///../x.db"):
            call = make_call(
                {"url": url, "sql": "select 1"}, resources=resources, environment=environment
            )
            with pytest.raises(NodeFailure, match="PATH_DENIED"):
                await run_query(call)


async def test_an_address_of_something_else_is_refused():
    async with AsyncExitStack() as stack:
        resources = OpenedResources(Environment(), stack)
        with pytest.raises(NodeFailure, match="BAD_URL"):
            await run_query(make_call({"url": "mysql://x/y", "sql": "x"}, resources=resources))
