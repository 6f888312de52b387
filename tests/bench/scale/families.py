"""One execution whose for-each starts so many sub-workflows: how long, what each process spends on
a child, what it takes in memory. Ends with an error unless every child was started once and ended
well, and the parent has all their outputs in order.
"""

import tempfile

import asyncpg
import msgspec

from bench import usage
from bench.load import apply
from bench.measuring import show
from bench.scale.live import Figures, memory_of, open_scale, run_one
from bench.starts import LoadFailed
from penstock.api.workflow.v1.workflow_service_pb2 import StartExecutionResponse
from penstock.embedded import Cluster

LEAF = """flow: 1
id: bench-leaf
params: {n: {type: number}}
nodes:
  give: {uses: set@1, with: {value: "${{ params.n }}"}}
"""
_ROLES = ("coordinator", "worker", "state", "sandbox", "jails", "postgres")


def family(width: int) -> str:
    """One execution of the leaf for each number."""
    return f"""flow: 1
id: bench-family{width}
nodes:
  list: {{run: 'return Array.from({{length: {width}}}, (_, i) => i);'}}
  each:
    needs: [list]
    for_each: "${{{{ nodes.list.output }}}}"
    uses: workflow@1
    with: {{workflow: bench-leaf, params: {{n: "${{{{ item }}}}"}}}}
  sum:
    needs: [each]
    run: 'return {{many: payload.length, kept: payload.every((n, i) => n === i)}};'
"""


async def families(count: int) -> Figures:
    """A small one to warm up, then the one that is measured."""
    with tempfile.TemporaryDirectory(prefix="penstock-family-") as scratch:
        async with open_scale(scratch) as (cluster, _):
            warm = min(count, 200)
            for source in (LEAF, *(family(width) for width in {warm, count})):
                await apply(cluster.coordinator_address, source)
            await run_one(cluster, f"bench-family{warm}")
            before = memory_of(cluster)
            with usage.spending(cluster.pids) as spent:
                took, peaks, ended = await run_one(cluster, f"bench-family{count}")
            await _check(cluster, ended, count)
            us = spent.us_per(count)
            told = ", ".join(f"{role} {us[role]:.0f}" for role in _ROLES if role in us)
            show(f"    {count:,} children in {took:.1f} s; us of CPU each: {told}")
            told = ", ".join(f"{name} {peak:.0f}" for name, peak in peaks.items())
            show(f"    coordinator {before:.0f} MB before; most MB: {told}")
            return {
                "family_children": count,
                "family_s": round(took, 1),
                "family_child_us": round(sum(us.values())),
                "family_coordinator_mb": round(peaks["coordinator"] - before, 1),
            }


async def _check(cluster: Cluster, ended: StartExecutionResponse, count: int) -> None:
    """Raises `LoadFailed` for a child that is missing, there twice or not well."""
    output = msgspec.json.decode(ended.output.json)
    if output != {"many": count, "kept": True}:
        raise LoadFailed(f"the parent ended with {output}")
    connection = await asyncpg.connect(cluster.database_url)
    try:
        row = await connection.fetchrow(
            "SELECT count(*), count(DISTINCT c.item), count(*) FILTER (WHERE e.status = 2)"
            " FROM children c LEFT JOIN executions e USING (execution_id) WHERE c.parent_id = $1",
            ended.execution_id,
        )
    finally:
        await connection.close()
    if tuple(row) != (count, count, count):
        raise LoadFailed(f"children, places and good ends are {tuple(row)} instead of {count}")
