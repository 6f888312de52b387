"""Versions of workflows."""

import asyncio

from penstock.api.workflow.v1.workflow_service_pb2 import Workflow


def flow(name: str, definition_hash: str) -> Workflow:
    return Workflow(
        name=name,
        definition_hash=definition_hash,
        source=f"source of {definition_hash}",
        description="d",
        nodes=["a", "b"],
        params_schema_json=b"{}",
    )


async def put(stores, name, definition_hash, tenant="default"):
    stored, created = await stores.workflows.put(tenant, flow(name, definition_hash))
    return stored.version, created


async def test_versions_are_numbered_by_name_and_account(stores):
    assert await put(stores, "w", "h1") == (1, True)
    assert await put(stores, "w", "h2") == (2, True)
    assert await put(stores, "v", "h1") == (1, True)
    assert await put(stores, "w", "h3", "other") == (1, True)


async def test_applying_the_latest_content_again_is_the_same_version(stores):
    await put(stores, "w", "h1")
    assert await put(stores, "w", "h1") == (1, False)


async def test_applying_older_content_again_is_a_new_version(stores):
    await put(stores, "w", "h1")
    await put(stores, "w", "h2")
    assert await put(stores, "w", "h1") == (3, True)


async def test_a_version_comes_back_as_it_was_applied(stores):
    stored, _ = await stores.workflows.put("default", flow("w", "h1"))
    found = await stores.workflows.find("default", "w", 1)
    assert found == stored
    assert found.source == "source of h1"
    assert list(found.nodes) == ["a", "b"]
    assert found.created_at.seconds > 0


async def test_version_zero_is_the_latest(stores):
    await put(stores, "w", "h1")
    await put(stores, "w", "h2")
    assert (await stores.workflows.find("default", "w", 0)).definition_hash == "h2"
    assert await stores.workflows.find("default", "w", 3) is None
    assert await stores.workflows.find("default", "x", 0) is None
    assert await stores.workflows.find("other", "w", 0) is None


async def test_definitions_are_found_by_content_within_the_account(stores):
    await put(stores, "w", "h1")
    assert await stores.workflows.definition("default", "h1") == "source of h1"
    assert await stores.workflows.definition("other", "h1") is None


async def test_lists_are_by_name_and_versions_newest_first_without_source(stores):
    for name in ("c", "a", "b"):
        await put(stores, name, "h1")
    await put(stores, "b", "h2")
    page = await stores.workflows.page("default", "", 2)
    assert [(w.name, w.version, w.source) for w in page] == [("a", 1, ""), ("b", 2, "")]
    assert [w.name for w in await stores.workflows.page("default", "b", 2)] == ["c"]
    assert await stores.workflows.page("other", "", 10) == []
    versions = await stores.workflows.page_versions("default", "b", 0, 10)
    assert [v.version for v in versions] == [2, 1]
    older = await stores.workflows.page_versions("default", "b", 2, 10)
    assert [v.version for v in older] == [1]


async def test_numbers_have_no_gap_and_no_repeat_when_many_apply_at_once(stores):
    async with asyncio.TaskGroup() as tasks:
        puts = [tasks.create_task(put(stores, "w", f"h{n}")) for n in range(12)]
    assert sorted(one.result() for one in puts) == [(n, True) for n in range(1, 13)]
