"""The main example: its result is what the file says, computed here a second time."""

import csv
import json
import re
import sqlite3
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import asyncpg
import pytest

from penstock.embedded import ClusterFile
from support.command_line import ROOT, Penstock

pytestmark = pytest.mark.e2e

SHIPPING = {"north": 500, "south": 700, "east": 600, "west": 650, "overseas": 2500}
Totals = dict[str, tuple[int, int]]


def expected() -> Totals:
    """Orders and cents by region, straight from the CSV."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    with (ROOT / "examples/orders/orders.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            goods = int(row["quantity"]) * int(row["unit_cents"])
            total = goods - (goods // 10 if int(row["quantity"]) >= 10 else 0)
            total += 0 if total >= 20_000 else SHIPPING[row["region"]]
            if row["status"] == "paid" and total <= 5_000_000:
                sums[row["region"]][0] += 1
                sums[row["region"]][1] += total
    return {region: (orders, cents) for region, (orders, cents) in sums.items()}


@pytest.fixture(scope="module")
def summary(cluster: ClusterFile, data_dir: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "examples/orders/run.py", data_dir],
        cwd=ROOT,
        env=Penstock().environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    assert "will be tried again: HTTP_STATUS" in done.stderr
    assert re.search(r"check: item \d+ \(of \d+, from 0\) failed: .* 422", done.stderr)
    assert "no_large_orders: skipped" in done.stderr
    return dict(json.loads(done.stdout))


def test_the_summary_agrees_with_the_file(summary: dict[str, object]):
    wanted = expected()
    regions = summary["regions"]
    assert isinstance(regions, list)
    assert {r["name"]: (r["orders"], r["cents"]) for r in regions} == wanted
    assert summary["orders_in_file"] == 10_240
    assert summary["accepted"] == sum(orders for orders, _ in wanted.values())
    assert summary["revenue_cents"] == sum(cents for _, cents in wanted.values())
    refused = summary["refused"]
    assert isinstance(refused, list)
    assert [r["order_id"] for r in refused] == ["ORD-007777"]


async def test_postgresql_holds_every_accepted_order_once(
    summary: dict[str, object], cluster: ClusterFile
):
    connection = await asyncpg.connect(cluster.app_database_url)
    rows = await connection.fetch(
        "select region, count(*) n, sum(total_cents)::bigint cents from orders "
        "where run = $1 group by region",
        summary["run"],
    )
    await connection.close()
    assert {row["region"]: (row["n"], row["cents"]) for row in rows} == expected()


def test_sqlite_holds_the_regions(summary: dict[str, object], data_dir: Path):
    connection = sqlite3.connect(data_dir / "files/orders.sqlite")
    rows = connection.execute(
        "select region, orders, cents from regions where run = ?", [summary["run"]]
    ).fetchall()
    connection.close()
    assert {region: (orders, cents) for region, orders, cents in rows} == expected()


def test_the_generator_writes_the_same_file_again(tmp_path: Path):
    again = tmp_path / "orders.csv"
    script = ROOT / "examples/orders/make_orders.py"
    subprocess.run([sys.executable, script, again], check=True)
    assert again.read_bytes() == (ROOT / "examples/orders/orders.csv").read_bytes()


def test_the_line_of_the_readme_computes_the_same():
    text = (ROOT / "examples/orders/README.md").read_text(encoding="utf-8")
    line = re.search(r"```sh\n(awk .*?)```", text, re.DOTALL)
    assert line is not None
    done = subprocess.run(line[1], shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = expected().values()
    assert done.stdout.split() == [str(sum(n for n, _ in wanted)), str(sum(c for _, c in wanted))]
    assert f"`{done.stdout.strip()}`" in text
