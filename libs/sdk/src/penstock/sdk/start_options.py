"""What a start may ask for beyond parameters."""

from collections.abc import Mapping
from typing import Any

import msgspec


class StartOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nothing runs before `delay` ("5m", or seconds) is over, or before the instant `not_before`;
    `deadline` bounds the run from then on. `priority` is 0 (least urgent) to 9, or low, normal,
    high, critical. `vars` are execution variables to begin with.

    `id` names the execution: starts with one id are one start. Its id in the cluster is computed
    from it. `debug` holds it before its first nodes, for the debugger.
    """

    priority: int | str | None = None
    delay: str | float | None = None
    not_before: str | None = None
    deadline: str | float | None = None
    vars: Mapping[str, Any] = {}
    id: str = ""
    debug: bool = False
