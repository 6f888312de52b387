import asyncio
from pathlib import Path

import asyncpg
import pytest

from penstock.embedded.ports import PortPool
from penstock.embedded.postgres import PostgresHome, postgres_program, prepare_postgres
from penstock.embedded.supervisor import Supervised, wait_until_ready


async def value(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def with_server(home: PostgresHome, log: Path, *queries: tuple[str, str]) -> list[object]:
    part = Supervised(postgres_program(home, log), lambda _news: None)
    async with asyncio.TaskGroup() as group:
        group.create_task(part.run(lambda: None))
        await wait_until_ready([part], 30)
        found = [await value(url, sql) for url, sql in queries]
        await part.stop()
    return found


async def test_a_database_outlives_its_server_and_keeps_users_apart(tmp_path: Path):
    port = PortPool(3).take()
    home = await prepare_postgres(tmp_path / "pg", port)
    await with_server(
        home,
        tmp_path / "log",
        (home.engine_url, "create table kept (a int)"),
        (home.app_url, "create table mine (a int)"),
    )
    again = await prepare_postgres(tmp_path / "pg", port)
    assert again == home
    engine = again.engine_url
    found = await with_server(
        again,
        tmp_path / "log",
        (engine, "select count(*) from kept"),
        (again.app_url, "select count(*) from mine"),
        (engine, "show fsync"),
        (engine, "show synchronous_commit"),
        (engine, "select has_database_privilege('app', 'penstock', 'connect')"),
    )
    assert found == [0, 0, "on", "on", False]


async def test_nobody_gets_in_without_the_password(tmp_path: Path):
    home = await prepare_postgres(tmp_path / "pg", PortPool(11).take())
    wrong = home.app_url.replace(home.app_password, "guess")
    with pytest.raises(ExceptionGroup) as caught:
        await with_server(home, tmp_path / "log", (wrong, "select 1"))
    assert caught.group_contains(asyncpg.InvalidPasswordError)


async def test_a_directory_half_made_is_made_anew(tmp_path: Path):
    unfinished = tmp_path / "pg" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    home = await prepare_postgres(tmp_path / "pg", PortPool(17).take())
    assert not unfinished.exists()
    assert (home.data / "PG_VERSION").read_text().strip() == "18"
