"""JavaScript nodes as calls: which nodes share one, what it carries, what its results mean."""

from collections.abc import Mapping, Sequence

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch_pb
from penstock.api.journal.v1 import journal_pb2 as journal_pb
from penstock.api.sandbox.v1 import sandbox_service_pb2 as pb
from penstock.nodes.api import NodeFailure
from penstock.worker.calls import RowForm
from penstock.worker.failures import to_node_failure
from penstock.worker.needs import NOTHING, Needs
from penstock.worker.program import NodeProgram, PlanProgram
from penstock.worker.scope import RunScope

_STEP_BYTES = 160
_WALL_MS_MAX = 2**31 - 1
_GROUPS_MAX = 2000
"""Groups remembered per plan beside one for each node."""


class ScriptGroup:
    """Script nodes that run as one call: made once per plan and starting point.

    `rows` and `item_rows` are the form of its calls, without and with an item of a fan-out.
    Messages that differ little between calls are kept serialised: reading one is the fastest way to
    a new message. `report_template` holds the lease and an outcome per node, first attempts all;
    `row_template` the same as a row.
    """

    __slots__ = (
        "_template",
        "item_rows",
        "needs",
        "nodes",
        "report_template",
        "row_template",
        "rows",
        "scripts",
        "size",
        "wall_ms",
    )

    def __init__(
        self, programs: Sequence[NodeProgram], output_bytes_max: int, env_json: bytes
    ) -> None:
        node = programs[0].node
        inside = {program.node.index for program in programs}
        needs = NOTHING
        for program in programs:
            needs |= program.script_needs
        self.needs: Needs = msgspec.structs.replace(needs, nodes=needs.nodes - inside)
        self.nodes = tuple(program.node.index for program in programs)
        self.scripts = tuple(program.script for program in programs if program.script is not None)
        self.size = _STEP_BYTES * len(programs)
        timeout_ms = min(round(node.timeout_s * 1000), _WALL_MS_MAX)
        self.wall_ms = min(node.limits.wall_ms or timeout_ms, timeout_ms)
        steps = [program.step for program in programs if program.step is not None]
        limits = pb.Limits(
            wall_ms=self.wall_ms,
            memory_mb=node.limits.memory_mb,
            output_bytes_max=output_bytes_max,
        )
        self._template = pb.Call(steps=steps, limits=limits).SerializeToString()
        reads = tuple(sorted(self.needs.nodes))
        made = pb.Program(
            steps=steps,
            reads=programs[0].owner.ids(reads),
            reads_params=needs.params,
            reads_run=needs.run,
            reads_trigger=needs.trigger,
            env_json=env_json if needs.env else b"",
            limits=limits,
        )
        self.rows = RowForm(made, reads, self.scripts)
        with_item = pb.Program()
        with_item.CopyFrom(made)
        with_item.reads_item = True
        with_item.steps[0].item_name = node.item_name
        self.item_rows = RowForm(with_item, reads, self.scripts)
        self.row_template = journal_pb.NodesCompleted(
            nodes=self.nodes, attempt=1
        ).SerializeToString()
        refs = [journal_pb.NodeRef(node=index, attempt=1) for index in self.nodes]
        self.report_template = dispatch_pb.SegmentReport(
            lease=refs[0], outcomes=[dispatch_pb.NodeOutcome(ref=ref) for ref in refs]
        ).SerializeToString()

    def call(
        self, scope: RunScope, attempt: int, item_json: bytes = b"", wall_ms: int = 0
    ) -> tuple[pb.Call, int]:
        """The call and about its size in bytes; `wall_ms` lowers its limit. Raises NotOpened."""
        call = pb.Call.FromString(self._template)
        size = scope.fill_call(call, self.needs, attempt)
        if wall_ms:
            call.limits.wall_ms = min(self.wall_ms, wall_ms)
        if item_json:
            step = call.steps[0]
            step.item_json = item_json
            step.item_name = scope.program.nodes[self.nodes[0]].node.item_name
        return call, size + self.size + len(item_json)


class ScriptGroups:
    """Groups by plan and starting point."""

    def __init__(self, output_bytes_max: int, env_json: bytes) -> None:
        self._output_bytes_max = output_bytes_max
        self._env_json = env_json

    def alone(self, program: NodeProgram) -> ScriptGroup:
        """The group of one node."""
        if program.group is None:
            program.group = self.of(program.owner, (program.node.index,))
        found: ScriptGroup = program.group
        return found

    def of(self, program: PlanProgram, nodes: tuple[int, ...]) -> ScriptGroup:
        """The group of these nodes, in order."""
        found = program.groups.get(nodes)
        if found is None:
            members = [program.nodes[node] for node in nodes]
            found = ScriptGroup(members, self._output_bytes_max, self._env_json)
            if len(program.groups) < _GROUPS_MAX + len(program.nodes):
                program.groups[nodes] = found
        return found

    def may_follow(self, program: PlanProgram, group: ScriptGroup) -> bool:
        """True if a child could follow after the group's nodes."""
        known = program.followed.get(group.nodes)
        if known is None:
            inside = set(group.nodes)
            rules = program.rules
            known = any(
                child not in inside
                and rules.traits[child].follows
                and child not in rules.slow
                and all(edge.parent in inside for edge in rules.tables.nodes[child].edges)
                for node in group.nodes
                for child, _ in rules.tables.out_edges[node]
            )
            program.followed[group.nodes] = known
        return known

    def leading(self, program: PlanProgram, node: int, held: Mapping[int, object]) -> ScriptGroup:
        """The group that a leased node can run with, given the outcomes at hand."""
        key = (node, *held) if held else (node,)
        found = program.leading.get(key)
        if found is None:
            found = self.of(program, program.rules.fuse((node,), {}, held))
            if len(program.leading) < _GROUPS_MAX + len(program.nodes):
                program.leading[key] = found
        return found


def failure_of(result: pb.CallResult, place: int) -> NodeFailure | None:
    """Why step `place` failed; None if it did well, or did not run."""
    if place < len(result.steps):
        step = result.steps[place]
        return to_node_failure(step.failure) if step.HasField("failure") else None
    if result.HasField("jail_failure"):
        return to_node_failure(result.jail_failure)
    return NodeFailure("system", "SANDBOX_CRASHED", "the sandbox gave no result")


def too_large(size: int, limit: int) -> NodeFailure:
    """The failure for an output above the limit."""
    return NodeFailure(
        "permanent", "OUTPUT_TOO_LARGE", f"the output has {size} bytes; {limit} is the limit"
    )
