"""Ends of sub-workflows in conversations with the core."""

from penstock.coordinator.core import inputs as inp
from penstock.workflow.execution.values import ExecutionStatus, Failure, Payload


def read_end(words: list[str]) -> inp.ChildEnded:
    """How a sub-workflow ended: `id ok [json]` or `id STATUS [class reason [node]]`."""
    child_id, status, *rest = words
    if status == "ok":
        output = Payload(rest[0].encode() if rest else b"1")
        return inp.ChildEnded(child_id, ExecutionStatus.COMPLETED, output)
    error_class, reason, *node = rest or ("permanent", "BROKEN")
    failure = Failure(error_class, reason, "It broke.")
    return inp.ChildEnded(child_id, ExecutionStatus[status], failure=failure, node_id="".join(node))
