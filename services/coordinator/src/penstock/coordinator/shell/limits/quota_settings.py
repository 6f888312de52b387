"""Quotas as the settings say them: `tenant.live=10000, workflow.live=5, tenant.starts=1000/d`."""

import re

from penstock.common.settings import pairs_of
from penstock.coordinator.limits.tallies import Quota, Quotas
from penstock.coordinator.shell.limits.rate_settings import rule_of

_NAME = re.compile(r"(tenant|workflow)(?::(.+))?\.(live|starts)")
_NAMES = "tenant.live, workflow.live, tenant.starts, workflow.starts or tenant:NAME.live"
_LIMIT = re.compile(r"[1-9][0-9]{0,11}")


def quotas_of(text: str) -> Quotas | None:
    """All quotas that are set, None if none is. Raises `ValueError` with all that is wrong."""
    general: dict[str, Quota] = {}
    named: dict[str, dict[str, Quota]] = {}
    faults: list[str] = []
    for name, value in pairs_of(text).items():
        try:
            tenant, quota = _quota_of(name, value)
        except ValueError as fault:
            faults.append(str(fault))
            continue
        (named.setdefault(tenant, {}) if tenant else general)[quota.name] = quota
    if faults:
        raise ValueError("; ".join(faults))
    if not general and not named:
        return None
    tenants = {tenant: tuple({**general, **own}.values()) for tenant, own in named.items()}
    return Quotas(tuple(general.values()), tenants)


def _quota_of(name: str, value: str) -> tuple[str, Quota]:
    found = _NAME.fullmatch(name)
    if found is None or (found[1] == "workflow" and found[2]):
        raise ValueError(f"{name} is no quota: give {_NAMES}")
    scope, tenant = found[1], found[2] or ""
    if found[3] == "starts":
        rule = rule_of(name, value)
        return tenant, Quota(scope, rule.limit, rule.per_us)  # type: ignore[arg-type]
    if _LIMIT.fullmatch(value) is None:
        raise ValueError(f"give {name} a whole number above 0")
    return tenant, Quota(scope, int(value))  # type: ignore[arg-type]
