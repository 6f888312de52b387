"""Reads where and when work runs: priorities, limits, breakers, labels, resources, breakpoints."""

from typing import Literal, cast

from penstock.workflow import vocabulary as words
from penstock.workflow.definition import Scheduling
from penstock.workflow.durations import parse_duration_s
from penstock.workflow.fields import Fields
from penstock.workflow.located import join_path
from penstock.workflow.nearest import Names
from penstock.workflow.policies import (
    PRIORITY_MAX,
    PRIORITY_WORDS,
    Breaker,
    Concurrency,
    OnFull,
    RateLimit,
)

_KEY_CHARS_MAX = 1000
_LABELS_MAX = 32
_RESOURCE_MAX = 1e9
_BREAKPOINTS = ("before", "after")


def read_scheduling(fields: Fields) -> Scheduling:
    """Everything a node says about where and when it runs."""
    return Scheduling(
        priority=read_priority(fields),
        labels=_read_labels(fields),
        resources=_read_resources(fields),
        affinity=fields.text("affinity", _KEY_CHARS_MAX) or "",
        rate_limit=read_rate_limit(fields),
        concurrency=read_concurrency(fields, ("queue",)),
        breaker=_read_breaker(fields),
        breakpoint=_read_breakpoint(fields),
    )


def read_priority(fields: Fields) -> int | None:
    """A number from 0 (least urgent) to 9, or a word for it."""
    value = fields.get("priority")
    if value is None:
        return None
    if isinstance(value.data, str) and value.data in PRIORITY_WORDS:
        return PRIORITY_WORDS[value.data]
    if type(value.data) is int and 0 <= value.data <= PRIORITY_MAX:
        return value.data
    words_known = ", ".join(PRIORITY_WORDS)
    fields.wrong("priority", f"a number from 0 to {PRIORITY_MAX}, or one of {words_known}")
    return None


def read_concurrency(fields: Fields, options: tuple[str, ...]) -> Concurrency | None:
    """How many may run at once; `options` are what may happen to one more."""
    value = fields.get("concurrency")
    if value is None:
        return None
    if type(value.data) is int:
        limit = fields.integer("concurrency", 1, words.LIMIT_MAX)
        return Concurrency("", limit) if limit else None
    own = _inner(fields, "concurrency", words.CONCURRENCY_KEYS, "such as `{key: shop, limit: 3}`")
    if own is None:
        return None
    limit = own.integer("limit", 1, words.LIMIT_MAX)
    if own.get("limit") is None:
        own.missing("limit", "say how many may run at once")
    on_full = cast("OnFull", own.choice("on_full", options) or "queue")
    return Concurrency(own.text("key", _KEY_CHARS_MAX) or "", limit or 1, on_full)


def read_rate_limit(fields: Fields) -> RateLimit | None:
    """How many may begin in a time: `{limit, per}`, or in short `100/m`."""
    value = fields.get("rate_limit")
    if value is None:
        return None
    if isinstance(value.data, str):
        return _short_rate(fields, value.data)
    own = _inner(fields, "rate_limit", words.RATE_LIMIT_KEYS, "such as `{limit: 100, per: 1m}`")
    if own is None:
        return None
    limit, per_s = own.integer("limit", 1, words.LIMIT_MAX), own.duration_s("per")
    if own.get("limit") is None:
        own.missing("limit", "say how many may begin")
    return RateLimit(own.text("key", _KEY_CHARS_MAX) or "", limit or 1, per_s or 1.0)


def _short_rate(fields: Fields, text: str) -> RateLimit | None:
    count, _, per = text.partition("/")
    per = per.strip()
    per_s = parse_duration_s(per if per[:1].isdigit() else f"1{per}")
    if not count.strip().isdigit() or not 1 <= int(count) <= words.LIMIT_MAX or not per_s:
        fields.wrong("rate_limit", "a rate", "such as `100/m`, `5/10s` or `{limit: 100, per: 1m}`")
        return None
    return RateLimit("", int(count), per_s)


def _read_breaker(fields: Fields) -> Breaker | None:
    if fields.get("breaker") is None:
        return None
    own = _inner(fields, "breaker", words.BREAKER_KEYS, "such as `{failure_threshold: 5}`")
    if own is None:
        return None
    usual = Breaker()
    return Breaker(
        key=own.text("key", _KEY_CHARS_MAX) or "",
        failure_threshold=own.integer("failure_threshold", 1, 10_000) or usual.failure_threshold,
        success_threshold=own.integer("success_threshold", 1, 10_000) or usual.success_threshold,
        timeout_s=own.duration_s("timeout") or usual.timeout_s,
        on_open=cast('Literal["wait", "fail"]', own.choice("on_open", words.ON_OPEN) or "wait"),
    )


def _read_labels(fields: Fields) -> dict[str, str]:
    value = fields.mapping("labels", "such as `labels: {region: eu}`")
    found: dict[str, str] = {}
    if value is None or value.items is None:
        return found
    if len(value.items) > _LABELS_MAX:
        fields.wrong("labels", f"a mapping of at most {_LABELS_MAX} labels")
        return found
    own = Fields(value, join_path(fields.path, "labels"), fields.issues)
    for name in value.items:
        if not words.LABEL.fullmatch(name):
            message = f'"{name[:80]}" is not a valid label.'
            place = value.key_place(name, own.path)
            fields.issues.error("BAD_NAME", place, message, words.LABEL_RULE)
            continue
        text = own.name(name, words.LABEL, words.LABEL_RULE)
        if text is not None:
            found[name] = text
    return found


def _read_resources(fields: Fields) -> dict[str, float]:
    value = fields.mapping("resources", "such as `resources: {cpu: 2, memory: 512}`")
    found: dict[str, float] = {}
    if value is None or value.items is None:
        return found
    own = Fields(value, join_path(fields.path, "resources"), fields.issues)
    for name in value.items:
        if not words.RESOURCE.fullmatch(name):
            message = f'"{name[:80]}" is not a valid resource.'
            place = value.key_place(name, own.path)
            fields.issues.error("BAD_NAME", place, message, words.RESOURCE_RULE)
            continue
        amount = own.number(name, 0, _RESOURCE_MAX)
        if amount:
            found[name] = amount
    return found


def _read_breakpoint(fields: Fields) -> str:
    text = fields.text("breakpoint", _KEY_CHARS_MAX) or ""
    if text and text not in _BREAKPOINTS and "${{" not in text:
        message = f'"{text[:60]}" is not a breakpoint.'
        fix = "write `before`, `after`, or a condition in ${{ }}"
        fields.issues.error("WRONG_TYPE", fields.place("breakpoint"), message, fix)
        return ""
    return text


def _inner(fields: Fields, key: str, known: tuple[str, ...], example: str) -> Fields | None:
    """The entries of a mapping under a key; what is unknown among them is told."""
    value = fields.mapping(key, example)
    if value is None:
        return None
    own = Fields(value, join_path(fields.path, key), fields.issues)
    own.check_keys(known, (), Names(known))
    return own
