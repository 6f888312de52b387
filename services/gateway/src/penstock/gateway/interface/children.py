"""Operations on sub-workflows."""

from penstock.gateway.interface.operation import CURSOR, ID, LIMIT, Answered, Operation, in_query
from penstock.gateway.shapes.children import ChildPage

CHILDREN_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v1/executions/{execution_id}/children",
        "get",
        "listChildren",
        "Executions that the nodes of an execution started",
        [Answered(200, "A page, in the order of nodes, items and attempts.", ChildPage)],
        [ID, in_query("node", "Only those of this node."), LIMIT, CURSOR],
        problems=(404,),
    ),
)
