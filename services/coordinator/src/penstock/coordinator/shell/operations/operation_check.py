"""Whether an operation makes sense, before anything of it is done."""

from penstock.api.operation.v1 import operation_service_pb2 as pb
from penstock.common.errors import InvalidArgument, PayloadTooLarge
from penstock.common.ids import is_ulid
from penstock.coordinator.shell.hands.interventions import SIGNAL_BYTES_MAX
from penstock.coordinator.shell.starts.asked import REASON_CHARS_MAX, check_text, decoded

IDS_MAX = 10_000
RATE_MAX = 5_000
_NODES_MAX = 100


def check_task(task: pb.OperationTask) -> None:
    """Refuse what cannot be carried out. Raises `InvalidArgument`, `PayloadTooLarge`."""
    if task.kind not in pb.OperationKind.values() or not task.kind:
        raise InvalidArgument("there is no such operation", path="kind")
    _check_whom(task)
    check_text(task.reason, "reason", REASON_CHARS_MAX)
    if task.rate_per_s > RATE_MAX:
        raise InvalidArgument(
            f"{task.rate_per_s} executions a second",
            fix=f"Give 1 to {RATE_MAX}.",
            path="rate_per_s",
        )
    _check_belongings(task)
    if task.kind == pb.OPERATION_KIND_SIGNAL:
        if not task.signal_name:
            raise InvalidArgument("A signal needs a name.", fix="Give one.", path="signal")
        check_text(task.signal_name, "signal")
        if len(task.signal_json) > SIGNAL_BYTES_MAX:
            raise PayloadTooLarge(f"{len(task.signal_json)} bytes; the limit is {SIGNAL_BYTES_MAX}")
        if task.signal_json:
            decoded(task.signal_json, "payload")
    if task.kind == pb.OPERATION_KIND_RERUN and not 0 < len(task.from_nodes) <= _NODES_MAX:
        raise InvalidArgument(
            f"a re-run begins at 1 to {_NODES_MAX} nodes",
            fix="Name the nodes that are to run again.",
            path="from",
        )


def _check_whom(task: pb.OperationTask) -> None:
    ids = task.execution_ids
    if bool(ids) == bool(task.query.strip()):
        raise InvalidArgument(
            "An operation is for what a query finds, or for a list of executions.",
            fix="Give `query` or `ids`, not both. To mean every execution, say so by status.",
            path="query",
        )
    if len(ids) > IDS_MAX:
        raise InvalidArgument(f"{len(ids)} ids", fix=f"Give at most {IDS_MAX}.", path="ids")
    for each in ids:
        if not is_ulid(each):
            raise InvalidArgument(
                f"{each[:80]!r} is not an execution id", fix="Give ULIDs.", path="ids"
            )


def _check_belongings(task: pb.OperationTask) -> None:
    """Refuse what belongs to another kind of operation: it would be ignored."""
    kind = task.kind
    for given, path, kinds in (
        (task.signal_name or task.signal_json, "signal", (pb.OPERATION_KIND_SIGNAL,)),
        (task.from_nodes, "from", (pb.OPERATION_KIND_RERUN,)),
        (task.from_start, "from_start", (pb.OPERATION_KIND_RETRY,)),
        (task.version, "version", (pb.OPERATION_KIND_RETRY, pb.OPERATION_KIND_RERUN)),
    ):
        if given and kind not in kinds:
            raise InvalidArgument(
                f"`{path}` does not belong to this kind of operation.",
                fix="Leave it out.",
                path=path,
            )
