"""What the judge of journals knows of a node's or an item's attempts."""

from dataclasses import dataclass

from penstock.workflow.execution import events as ev
from penstock.workflow.execution.values import Payload


@dataclass
class Attempts:
    """What is known of a node or an item."""

    attempt: int = 1
    failures: int = 0
    retry_us: int = 0
    wait: ev.NodeWaiting | None = None
    ran: bool = False
    closed: bool = False
    answer: str = ""
    output: Payload | None = None
