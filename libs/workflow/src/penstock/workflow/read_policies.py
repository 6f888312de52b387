"""Reads retry policies and sandbox limits."""

import re

from penstock.workflow import vocabulary as words
from penstock.workflow.durations import parse_duration_s
from penstock.workflow.fields import Fields
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.plan import OnUncertain, SandboxLimits
from penstock.workflow.retry import ERROR_CLASSES, NAMED_POLICIES, RetryPolicy

_MEMORY = re.compile(r"(\d{1,6})\s*(Mi?B|Gi?B)?")
_CLASS = re.compile("|".join(ERROR_CLASSES))
_ATTEMPTS_MAX = 1000


def read_retry(value: Located, fields: Fields) -> RetryPolicy:
    """The policy under the key `retry`: a name or its numbers. What is wrong is told and taken as
    the default."""
    if isinstance(value.data, str):
        policy = NAMED_POLICIES.get(value.data)
        if policy is None:
            fix = Names(NAMED_POLICIES).hint(value.data)
            message = f'"{value.data[:60]}" is not a retry policy.'
            known = "one of " + ", ".join(NAMED_POLICIES)
            fields.issues.error("UNKNOWN_POLICY", fields.place("retry"), message, fix or known)
        return policy or RetryPolicy()
    if value.items is None:
        fields.wrong("retry", "the name of a policy or a mapping", "such as `retry: standard`")
        return RetryPolicy()
    own = Fields(value, join_path(fields.path, "retry"), fields.issues)
    own.check_keys(words.RETRY_KEYS, (), Names(words.RETRY_KEYS))
    standard = NAMED_POLICIES["standard"]
    multiplier = own.number("multiplier", 1, 100)
    jitter = own.number("jitter", 0, 1)
    initial = own.duration_s("initial_delay", zero=True)
    longest = own.duration_s("max_delay", zero=True)
    initial_s = standard.initial_delay_s if initial is None else initial
    policy = RetryPolicy(
        max_attempts=own.integer("max_attempts", 1, _ATTEMPTS_MAX) or standard.max_attempts,
        initial_delay_s=initial_s,
        max_delay_s=max(standard.max_delay_s, initial_s) if longest is None else longest,
        multiplier=standard.multiplier if multiplier is None else float(multiplier),
        jitter=standard.jitter if jitter is None else float(jitter),
        on=own.texts("on", _CLASS, "one or more of " + ", ".join(ERROR_CLASSES), 4) or standard.on,
        hook=own.name("hook", words.FLOW_ID, words.FLOW_ID_RULE) or "",
    )
    if policy.max_delay_s < policy.initial_delay_s:
        message = "max_delay is shorter than initial_delay."
        own.issues.error("BAD_DURATION", own.place("max_delay"), message, "make it longer")
    return policy


def read_on_uncertain(fields: Fields) -> tuple[OnUncertain, float]:
    """What becomes of an attempt that may have had its one effect: ask a person (for at most so
    many seconds, 0 for ever), or fail."""
    value = fields.get("on_uncertain")
    if value is None or value.data == "ask":
        return "ask", 0.0
    if value.data == "fail":
        return "fail", 0.0
    seconds = parse_duration_s(value.data)
    if not seconds:
        fix = "write ask, fail, or how long to ask, such as 2h"
        fields.wrong("on_uncertain", "ask, fail or a duration", fix)
    return "ask", seconds or 0.0


def read_limits(fields: Fields) -> SandboxLimits:
    """The bounds under the key `limits`."""
    value = fields.mapping("limits", "such as `limits: {memory: 64MB, time: 2s}`")
    if value is None:
        return SandboxLimits()
    own = Fields(value, join_path(fields.path, "limits"), fields.issues)
    own.check_keys(words.LIMITS_KEYS, (), Names(words.LIMITS_KEYS))
    seconds = own.duration_s("time") or 0.0
    return SandboxLimits(memory_mb=_read_memory_mb(own), wall_ms=round(seconds * 1000))


def _read_memory_mb(fields: Fields) -> int:
    value = fields.get("memory")
    if value is None:
        return 0
    match = _MEMORY.fullmatch(str(value.data)) if type(value.data) in (int, str) else None
    megabytes = 0
    if match is not None:
        megabytes = int(match[1]) * (1024 if (match[2] or "").startswith("G") else 1)
    if not 1 <= megabytes <= 1024 * 1024:
        fields.wrong("memory", 'a size such as "64MB" or "1GB"', "a number alone means megabytes")
        return 0
    return megabytes
