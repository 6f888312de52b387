"""The part of the independent judge that knows what may end a wait well."""

from collections.abc import Iterator, Sequence

from penstock.workflow.execution.events import NodeWaiting
from penstock.workflow.execution.values import OnTimeout, Payload

_GOOD_ENDS = (OnTimeout.COMPLETE, OnTimeout.APPROVE, OnTimeout.REJECT)


def wake_flaws(
    wait: NodeWaiting, output: Payload, signals: Sequence[Payload], at_us: int
) -> Iterator[str]:
    """What is wrong with a wait that ended well at a time, with this output; `signals` are those of
    its name so far. An answered task waits no longer when its node completes."""
    if wait.signal and output in signals:
        return
    if wait.child is not None:
        return
    if wait.again:
        if wait.on_timeout not in _GOOD_ENDS or not 0 < wait.give_up_us <= at_us:
            yield "ended though its condition did not hold and it had time left"
        return
    if at_us < wait.until_us:
        yield f"woke {wait.until_us - at_us} us early (I9)"
    timed_out = wait.on_timeout in _GOOD_ENDS and wait.until_us
    if (wait.signal or wait.task is not None) and not timed_out:
        yield "woke without its signal" if wait.signal else "was decided by nobody"


def may_look_again(wait: NodeWaiting | None, answer: str, at_us: int) -> bool:
    """A condition whose time has come, or an effect that a person says has not happened."""
    due = wait is not None and wait.again and at_us >= wait.until_us
    return due or answer == "not_happened"


def may_skip(wait: NodeWaiting | None, at_us: int) -> bool:
    """True if a wait ran out of time and is skipped then."""
    return wait is not None and wait.on_timeout == OnTimeout.SKIP and at_us >= wait.until_us
