"""Rates that operators set for everybody: per account, per node type, over all.

They stand in no flow; whatever goes to a worker is under them, after the limits of its own file,
the narrower before the wider. Where none is set nothing of this exists.
"""

from collections.abc import Mapping
from typing import NamedTuple

from penstock.coordinator.limits.permits import RateRule

TENANT, TYPE, GLOBAL = "tenant_rate", "type_rate", "global_rate"
"""Kinds of keys that no file can name."""


class SetRate(NamedTuple):
    """One of them as it applies: `shared` by all accounts, or the asker's own."""

    kind: str
    text: str
    rule: RateRule
    shared: bool


class ClusterRates(NamedTuple):
    """All that is set. `tenants` come before `tenant`, which is that of all others."""

    tenant: RateRule | None
    tenants: Mapping[str, RateRule]
    types: Mapping[str, RateRule]
    everything: RateRule | None

    def applying(self, tenant: str, uses: str) -> tuple[SetRate, ...]:
        """What an attempt of a node type of an account is under, in the order to ask."""
        of_type = self.types.get(uses)
        own = self.tenants.get(tenant, self.tenant)
        found = []
        if of_type is not None:
            found.append(SetRate(TYPE, uses, of_type, True))
        if own is not None:
            found.append(SetRate(TENANT, "all attempts", own, False))
        if self.everything is not None:
            found.append(SetRate(GLOBAL, "all attempts", self.everything, True))
        return tuple(found)
