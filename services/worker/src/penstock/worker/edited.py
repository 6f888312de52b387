"""What a node sees after somebody gave it another input."""

import msgspec

from penstock.api.dispatch.v1 import dispatch_service_pb2 as dispatch_pb
from penstock.api.payload.v1 import payload_pb2 as payload_pb
from penstock.worker.scope import NULL, RunScope
from penstock.workflow.plan import NodePlan

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


async def with_input(scope: RunScope, node: NodePlan, given: payload_pb.Payload) -> RunScope:
    """A scope in which the parents put out what was given, by id; those left out put out nothing.
    A start node has the given value as its trigger's data."""
    kind = given.WhichOneof("kind")
    text = given.json if kind == "json" else NULL
    if kind == "ref":
        text = await scope.payloads.get(given.ref, scope.tenant)
    group = scope.group
    if not node.parents:
        group = dispatch_pb.ExecutionTasks()
        group.CopyFrom(scope.group)
        group.trigger.json = text
    edited = RunScope(group, scope.program, scope.payloads, scope.env_json)
    edited.values = dict(scope.values)
    if node.parents:
        outputs = _decode(text)
        for parent in node.parents:
            output = outputs.get(scope.program.plan.nodes[parent].id)
            if output is not None:
                edited.values[parent] = bytes(output)
            else:
                edited.values.pop(parent, None)
    return edited
