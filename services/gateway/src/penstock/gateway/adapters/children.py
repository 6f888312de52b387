"""Sub-workflows of executions, read from state."""

import grpc

from penstock.api.workflow.v1.children_service_pb2 import ListChildrenRequest, ListChildrenResponse
from penstock.api.workflow.v1.children_service_pb2_grpc import ChildrenServiceStub
from penstock.common.rpc.channel import call


class StateChildren:
    """`ports.Children` over a channel to state."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ChildrenServiceStub(channel)

    async def page(self, request: ListChildrenRequest, tenant: str) -> ListChildrenResponse:
        """See `ports.Children`."""
        answer: ListChildrenResponse = await call(self._stub.ListChildren, request, tenant=tenant)
        return answer
