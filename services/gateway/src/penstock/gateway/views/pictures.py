"""Pictures of executions as clients get them, made step by step: thousands of nodes are
possible."""

from penstock.api.workflow.v1 import workflow_service_pb2 as workflow
from penstock.common.pacing import Pace
from penstock.gateway.shapes import executions as schema
from penstock.gateway.views import executions as views

_NODE_WEIGHT = 2


async def shown(message: workflow.Execution, past: schema.Moment | None = None) -> schema.Execution:
    """One execution with everything."""
    pace, nodes = Pace(), []
    for node in message.nodes:
        nodes.append(views.node_state(node))
        await pace.did(_NODE_WEIGHT + len(node.logs))
    return views.execution(message, tuple(nodes), past)
