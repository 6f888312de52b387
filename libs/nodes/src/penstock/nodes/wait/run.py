"""`wait@1`: asks the coordinator to keep the node until a signal comes."""

from penstock.nodes.api import NodeCall, NodeFailure, Sleep
from penstock.nodes.instants import duration_us


async def run(call: NodeCall) -> Sleep:
    """Wait for the signal, at most `timeout`."""
    signal = call.config["signal"]
    if not isinstance(signal, str) or not signal:
        raise NodeFailure("user", "BAD_SIGNAL", "signal must be a name")
    timeout = call.config.get("timeout")
    return Sleep(
        signal=signal, duration_us=0 if timeout is None else duration_us(timeout, "timeout")
    )
