"""Limits are asked of every coordinator; one that cannot be reached is told as what it is."""

import pytest

from penstock.api.limits.v1 import limits_service_pb2 as pb
from penstock.common.errors import Unavailable
from penstock.gateway.adapters.limits import Limits


class OneOfTwo(Limits):
    """The first coordinator names two, of which the other is gone."""

    async def _list(self, link, tenant):
        return pb.ListLimitsResponse(coordinators=["here:1", "gone:1"])


class Reached:
    async def link(self, address=""):
        if address == "gone:1":
            raise Unavailable("the coordinator at gone:1 cannot be reached")
        return address


async def test_a_coordinator_that_is_gone_makes_the_list_unavailable():
    with pytest.raises(Unavailable, match="gone:1"):
        await OneOfTwo(Reached()).limits("default")
