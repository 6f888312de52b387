"""The audit compares variables by what they hold, not by who holds them."""

from penstock.coordinator.core.audit import differences
from penstock.nodes import catalog
from penstock.workflow.compile import compile_source
from penstock.workflow.execution.fold import ExecutionState
from penstock.workflow.execution.variables import Variables, VarsChange

COUNTING = """
flow: 1
id: counting
vars: {total: 0}
nodes:
  add: {run: 'vars.set("total", vars.get("total") + 1)'}
"""


def test_variables_differ_when_their_values_do():
    plan = compile_source(COUNTING, catalog())
    held, folded = ExecutionState(plan), ExecutionState(plan)
    held.variables, folded.variables = Variables(plan), Variables(plan)
    assert list(differences(held, folded)) == []
    folded.variables.apply(VarsChange(("total",), (b"1",)))
    (found,) = differences(held, folded)
    assert "variables" in found.message
