"""Rates and quotas as operators write them."""

import pytest

from penstock.coordinator.limits.permits import RateRule
from penstock.coordinator.limits.tallies import Quota
from penstock.coordinator.shell.limits.quota_settings import quotas_of
from penstock.coordinator.shell.limits.rate_settings import rates_of


def test_nothing_set_is_nothing_at_all():
    assert rates_of("") is None
    assert quotas_of(" ") is None


def test_what_an_attempt_is_under_comes_with_the_narrower_first():
    rates = rates_of("global=5000/s, type:http@1=50/m, tenant=10/s, tenant:acme=2/h")
    assert rates is not None
    assert [(one.kind, one.rule, one.shared) for one in rates.applying("acme", "http@1")] == [
        ("type_rate", RateRule(50, 60_000_000), True),
        ("tenant_rate", RateRule(2, 3_600_000_000), False),
        ("global_rate", RateRule(5000, 1_000_000), True),
    ]
    assert [one.rule.limit for one in rates.applying("other", "js@1")] == [10, 5000]


def test_all_that_is_wrong_with_rates_is_told_at_once():
    with pytest.raises(ValueError, match="tenant=100/m") as refused:
        rates_of("tenant=fast, typ:http@1=5/s, global=0/s, type:http=1/s")
    told = str(refused.value)
    assert "typ:http@1 is nothing that has a rate" in told
    assert "global" in told
    assert "type:http is nothing" in told


def test_an_account_can_have_quotas_of_its_own():
    quotas = quotas_of("tenant.live=10, workflow.starts=5/h, tenant:acme.live=2")
    assert quotas is not None
    hourly = Quota("workflow", 5, 3_600_000_000)
    assert quotas.of("other") == (Quota("tenant", 10), hourly)
    assert set(quotas.of("acme")) == {Quota("tenant", 2), hourly}


def test_all_that_is_wrong_with_quotas_is_told_at_once():
    with pytest.raises(ValueError, match="no quota") as refused:
        quotas_of("tenant.life=1, tenant.live=many, workflow:x.live=1, tenant.starts=5")
    told = str(refused.value)
    for part in ("tenant.life", "tenant.live a whole number", "workflow:x.live", "tenant.starts"):
        assert part in told
