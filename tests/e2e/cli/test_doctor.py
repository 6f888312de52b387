"""`penstock doctor` on a cluster that runs."""

import json

from support.command_line import Penstock

WAITS = """
flow: 1
id: doctor-waits
nodes:
  pause: {uses: wait@1, with: {signal: go}}
  after: {needs: pause, run: "return payload"}
"""


def test_a_cluster_that_is_well_is_said_to_be(penstock: Penstock, tmp_path):
    flow = tmp_path / "waits.yaml"
    flow.write_text(WAITS)
    assert penstock("run", flow, "--no-wait").returncode == 0
    looked = penstock("doctor")
    assert looked.returncode == 0, looked.stderr
    assert "all is well" in looked.stdout
    report = json.loads(penstock("doctor", "--repair", "--output", "json").stdout)
    assert report["audit"]["healthy"]
    assert report["audit"]["looks"] >= report["audit"]["shards"] > 0
    assert report["repair"] == {"applied": True, "repairs": []}


def test_an_execution_that_is_not_there_is_not_told_to_be_well(penstock: Penstock):
    refused = penstock("doctor", "--execution", "no-ulid")
    assert refused.returncode == 4
    assert "no-ulid" in refused.stderr
