"""Links between an execution and its sub-workflows, as protobuf and back."""

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.common.value_codec import ref_from_proto, write_ref
from penstock.workflow.execution.events import Child, Parent


def write_child(target: journal.Child, child: Child) -> None:
    """Fill the message of an execution that a node waits for."""
    target.execution_id = child.execution_id
    target.workflow = child.workflow
    target.outlives = child.outlives


def read_child(message: journal.Child) -> Child:
    """The execution that a node waits for."""
    return Child(message.execution_id, message.workflow, message.outlives)


def write_parent(target: journal.Parent, parent: Parent) -> None:
    """Fill the message of the node that started an execution."""
    target.execution_id = parent.execution_id
    write_ref(target.ref, parent.ref)
    target.depth = parent.depth
    target.detached = parent.detached


def read_parent(message: journal.Parent) -> Parent:
    """The node that started an execution."""
    ref = ref_from_proto(message.ref)
    return Parent(message.execution_id, ref, message.depth, message.detached)
