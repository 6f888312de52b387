"""How tenants and workers are weighed against each other, as the settings say it."""

from typing import Literal, cast, get_args

from penstock.common.settings import numbers_of, pairs_of

Balance = Literal["least_busy", "round_robin", "resources"]
BALANCES: tuple[Balance, ...] = get_args(Balance)

_LEAST, _MOST = 0.1, 100.0
"""Weights in between: smaller ones would need many rounds for one attempt, larger ones would hold
up the others for seconds."""


def balances_of(text: str) -> dict[str, Balance]:
    """The way of each pool that is named, and that of all others under an empty name. Raises
    `ValueError` with what would be right."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    general = [part for part in parts if "=" not in part]
    if len(general) > 1:
        raise ValueError("give one way for all pools, others as pool=way")
    found = pairs_of(",".join(part for part in parts if "=" in part))
    if general:
        found[""] = general[0]
    for way in found.values():
        if way not in BALANCES:
            raise ValueError(f"give {', '.join(BALANCES)}")
    return cast("dict[str, Balance]", found)


def weights_of(text: str) -> dict[str, float]:
    """Weights by tenant. Raises `ValueError` with what would be right."""
    weights = numbers_of(text)
    for tenant, weight in weights.items():
        if not _LEAST <= weight <= _MOST:
            raise ValueError(f"give {tenant} a weight from {_LEAST:g} to {_MOST:g}")
    return weights
