"""Rates as the settings say them: `tenant=1000/s, type:http@1=50/s, global=5000/s`."""

import re
from collections.abc import Iterator

from penstock.common.settings import pairs_of
from penstock.coordinator.limits.cluster_rates import ClusterRates
from penstock.coordinator.limits.permits import RateRule

_UNITS_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])")
_NAMES = "tenant, tenant:NAME, type:NODE_TYPE (such as type:http@1) or global"


def rule_of(name: str, text: str) -> RateRule:
    """A number in a time, such as `100/m`. Raises `ValueError` with what would be right."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"give {name} a whole number and s, m, h or d, such as {name}=100/m")
    return RateRule(int(found[1]), _UNITS_US[found[2]])


def rates_of(text: str) -> ClusterRates | None:
    """All rates that are set, None if none is. Raises `ValueError` with all that is wrong."""
    rules: dict[str, RateRule] = {}
    faults: list[str] = []
    for name, value in pairs_of(text).items():
        try:
            rules[_checked(name)] = rule_of(name, value)
        except ValueError as fault:
            faults.append(str(fault))
    if faults:
        raise ValueError("; ".join(faults))
    if not rules:
        return None
    return ClusterRates(
        rules.get("tenant"),
        dict(_named("tenant:", rules)),
        dict(_named("type:", rules)),
        rules.get("global"),
    )


def _named(prefix: str, rules: dict[str, RateRule]) -> Iterator[tuple[str, RateRule]]:
    return ((n.removeprefix(prefix), rule) for n, rule in rules.items() if n.startswith(prefix))


def _checked(name: str) -> str:
    kind, colon, what = name.partition(":")
    is_plain = name in ("tenant", "global")
    is_type = kind == "type" and re.fullmatch(r"[a-z0-9_.-]+@[1-9][0-9]*", what) is not None
    if not (is_plain or is_type or (kind == "tenant" and colon and what)):
        raise ValueError(f"{name} is nothing that has a rate: give {_NAMES}")
    return name
