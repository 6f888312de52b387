"""Groups of tasks as a worker understands them: the short forms written out."""

from penstock.api.dispatch.v1.dispatch_service_pb2 import ExecutionTasks
from penstock.api.journal.v1.journal_pb2 import NODE_STATUS_COMPLETED


def in_full(group: ExecutionTasks) -> ExecutionTasks:
    """The same group with every task in `tasks` and every ancestor in `inputs`."""
    whole = ExecutionTasks()
    whole.CopyFrom(group)
    whole.ClearField("first_attempts")
    whole.ClearField("completed")
    whole.ClearField("completed_json")
    for node in group.first_attempts:
        whole.tasks.add(ref={"node": node, "attempt": 1})
    for node, json in zip(group.completed, group.completed_json, strict=True):
        whole.inputs.add(node=node, status=NODE_STATUS_COMPLETED, output={"json": json})
    return whole
