"""`wait@1`: asks the coordinator to keep the node until a signal comes, a condition holds or a time
has come."""

from typing import Any

import msgspec

from penstock.nodes.api import Done, NodeCall, NodeFailure, NodeResult, Sleep
from penstock.nodes.instants import duration_us, instant_us

_EVERY_S = 10
_EVERY_US_MIN = 100_000


async def run(call: NodeCall) -> NodeResult:
    """Wait for what the settings name, at most `timeout`."""
    config = call.config
    if "signal" in config:
        return _for_signal(config)
    if "condition" in config:
        return await _for_condition(call)
    payload = msgspec.Raw(await call.inputs.payload_json())
    if "until" in config:
        return Sleep(until_unix_us=instant_us(config["until"], "until"), output=payload)
    return Sleep(duration_us=duration_us(config["duration"], "duration"), output=payload)


def _for_signal(config: Any) -> Sleep:
    signal = config["signal"]
    if not isinstance(signal, str) or not signal:
        raise NodeFailure("user", "BAD_SIGNAL", "signal must be a name")
    return Sleep(
        signal=signal,
        duration_us=_timeout_us(config),
        on_timeout=config.get("on_timeout", "fail"),
        output=config.get("timeout_output"),
    )


async def _for_condition(call: NodeCall) -> NodeResult:
    """Look now; if it does not hold, the next attempt looks again."""
    config = call.config
    if await call.expressions.matches([config["condition"]], first_only=True):
        return Done(msgspec.Raw(await call.inputs.payload_json()))
    every_us = duration_us(config.get("every", _EVERY_S), "every")
    return Sleep(
        duration_us=max(every_us, _EVERY_US_MIN),
        again=True,
        give_up_after_us=_timeout_us(config),
        on_timeout=config.get("on_timeout", "fail"),
        output=config.get("timeout_output"),
    )


def _timeout_us(config: Any) -> int:
    timeout = config.get("timeout")
    return 0 if timeout is None else duration_us(timeout, "timeout")
