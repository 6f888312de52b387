"""What is told of an operation: what became of the executions it came to, and how it ended."""

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.common.errors import Internal
from penstock.coordinator.shell.operations.operation_steps import Stepped

FAILURES_MAX = 100
_MESSAGE_CHARS_MAX = 500


def note_step(operation: pb.Operation, execution_id: str, stepped: Stepped) -> None:
    """Count what became of one execution."""
    match stepped.outcome:
        case "done":
            operation.done += 1
            return
        case "skipped":
            operation.skipped += 1
        case "failed":
            operation.failed += 1
    if len(operation.failures) < FAILURES_MAX:
        operation.failures.add(
            execution_id=execution_id,
            reason=stepped.reason,
            message=stepped.message[:_MESSAGE_CHARS_MAX],
            skipped=stepped.outcome == "skipped",
        )


def note_fault(operation: pb.Operation, fault: Exception) -> None:
    """Tell what broke, even if the failures are full."""
    del operation.failures[FAILURES_MAX - 1 :]
    message = f"the operation met a fault of the engine: {fault!r}"
    operation.failures.add(reason=Internal.reason, message=message[:_MESSAGE_CHARS_MAX])


def end(operation: pb.Operation, state: pb.OperationState.ValueType, now_us: int) -> None:
    """It goes on no further."""
    operation.state = state
    operation.ended_unix_us = now_us
    operation.ClearField("portion")
