"""What coordinators say of waiting nodes, put into the picture of an execution. Pure."""

import msgspec

from penstock.sdk.models import Execution
from penstock.sdk.scheduling import Explanation


def with_reasons(execution: Execution, explanation: Explanation) -> Execution:
    """The execution, with what is known now of why its nodes wait: more than the journal says."""
    reasons = {
        one.node: one.why for one in explanation.nodes if one.why and one.status != "RUNNING"
    }
    nodes = tuple(
        msgspec.structs.replace(node, waiting_for=reasons[node.id]) if node.id in reasons else node
        for node in execution.nodes
    )
    return msgspec.structs.replace(execution, nodes=nodes)
