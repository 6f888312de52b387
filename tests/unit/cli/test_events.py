"""The events of an execution as a table: what happened, and what people did and why."""

from penstock.cli.commands.events import words
from penstock.sdk.models import Failure, NodeChange, PublicEvent


def said(event: PublicEvent) -> str:
    return ", ".join(words(event))


def test_what_somebody_did_by_hand_is_told_with_who_and_why():
    event = PublicEvent(
        "node", "node_intervened", operation="skip", node="a", item=0, by="ada", reason="tea"
    )
    assert said(event) == "skip, a[0], by ada, tea"


def test_of_many_nodes_the_first_are_named_and_the_others_counted():
    changes = tuple(NodeChange(name, "QUEUED") for name in "abcde")
    event = PublicEvent("node", "nodes_queued", nodes=changes)
    assert said(event) == "a queued, b queued, c queued, and 2 more"


def test_an_end_tells_its_failure():
    failure = Failure(error_class="user", reason="BROKE", message="It broke.")
    event = PublicEvent("execution", "execution_ended", status="FAILED", failure=failure)
    assert said(event) == "failed, BROKE: It broke."
