"""Pictures without outputs that are too much together."""

import asyncio

import msgspec

from penstock.api.journal.v1 import journal_pb2 as journal
from penstock.api.payload.v1.payload_pb2 import Payload
from penstock.api.workflow.v1.workflow_service_pb2 import Execution, NodeState
from penstock.gateway.views.pictures import shown

DONE = journal.NODE_STATUS_COMPLETED


def made(*nodes: NodeState, status: int = journal.EXECUTION_STATUS_COMPLETED) -> dict:
    message = Execution(id="01X", status=status, nodes=nodes)
    return msgspec.json.decode(msgspec.json.encode(asyncio.run(shown(message))))


def test_what_is_left_out_stands_as_a_link_and_is_told_in_a_sentence():
    told = made(
        NodeState(id="a", status=DONE, output=Payload(json=b"1")),
        NodeState(id="b", status=DONE, output_bytes=60_000),
        NodeState(id="c", status=DONE, output_bytes=1_000),
    )
    outputs = [node["output"] for node in told["nodes"]]
    assert outputs == [1, {"$node": "b", "size": 60_000}, {"$node": "c", "size": 1_000}]
    assert told["left_out"] == (
        "The outputs of 2 nodes, 61,000 bytes together, are left out; "
        "read them one by one with GET /v1/executions/01X/nodes/{node}."
    )


def test_nothing_is_said_where_nothing_is_left_out():
    assert made(NodeState(id="a", status=DONE))["left_out"] == ""


def test_partial_results_have_links_too():
    node = NodeState(id="b", status=DONE, output_bytes=60_000)
    told = made(node, status=journal.EXECUTION_STATUS_FAILED)
    assert told["partial"] == {"b": {"$node": "b", "size": 60_000}}


def test_a_picture_of_many_nodes_lets_others_run():
    async def turns_meanwhile() -> int:
        turns, making = 0, asyncio.ensure_future(shown(message))
        while not making.done():
            turns += 1
            await asyncio.sleep(0)
        assert len((await making).nodes) == 4_000
        return turns

    message = Execution(id="01X", nodes=[NodeState(id=f"n{n}") for n in range(4_000)])
    assert asyncio.run(turns_meanwhile()) > 10
