"""The words of workflow files: keys that work, keys whose engine part comes later, and the forms of
names."""

import re

FLOW_KEYS = (
    "flow", "id", "description", "params", "defaults", "nodes", "output", "mode", "deadline",
    "tags", "env", "version_note", "triggers", "priority", "concurrency", "rate_limit",
    "on_failure", "retention", "vars",
)  # fmt: skip
FLOW_KEYS_LATER = (
    "durability", "labels",
    "breaker", "cache", "resources", "affinity", "secrets",
)  # fmt: skip
DEFAULTS_KEYS = ("retry", "timeout", "pool", "on_error")
NODE_KEYS = (
    "uses", "run", "with", "needs", "when", "for_each", "item", "max_parallel", "batch", "retry",
    "timeout", "deadline", "on_error", "effects", "pool", "egress", "limits", "importance",
    "summary", "description", "labels", "resources", "priority", "affinity", "concurrency",
    "rate_limit", "breaker", "breakpoint", "on_uncertain",
)  # fmt: skip
NODE_KEYS_LATER = (
    "cache", "on_failure",
)  # fmt: skip
RETRY_KEYS = ("max_attempts", "initial_delay", "max_delay", "multiplier", "jitter", "on", "hook")
LIMITS_KEYS = ("memory", "time")
CONCURRENCY_KEYS = ("key", "limit", "on_full")
RATE_LIMIT_KEYS = ("key", "limit", "per")
BREAKER_KEYS = ("key", "failure_threshold", "success_threshold", "timeout", "on_open")
RETENTION_KEYS = ("completed", "failed")
ON_FAILURE_KEYS = ("workflow", "params")
SCHEDULE_KEYS = ("schedule", "id", "timezone", "overlap", "catch_up", "jitter", "params")
NEED_KEYS = ("node", "on", "action")
TRIGGER_KEYS_LATER = ("webhook", "event")
MODES = ("realtime", "debug")
MODES_LATER = ("batch", "streaming")
EDGE_ON = ("success", "failure", "always")
ON_ERROR = ("fail", "continue", "skip")
EFFECTS = ("none", "idempotent", "once")
ON_FULL = ("queue", "cancel", "skip")
OVERLAP = ("allow", "skip", "queue", "cancel_running")
CATCH_UP = ("none", "latest", "all")
SCHEDULES_MAX = 100
"""Schedules of a file."""
JITTER_S_MAX = 86_400.0
ON_OPEN = ("wait", "fail")
IMPORTANCE = ("low", "normal", "high")

NODES_MAX = 10_000
"""Nodes of one workflow; wider work is a `for_each`."""
EDGES_MAX = 200_000
"""Edges of one workflow: a full join of 10,000 nodes and a lot more."""
PARAMS_MAX = 200
ITEMS_MAX = 100_000
"""Widest fan-out."""

FLOW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
FLOW_ID_RULE = "letters, digits, `.`, `_` and `-`, at most 100"
NODE_ID = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_-]{0,63}")
NODE_ID_RULE = "a letter or `_`, then letters, digits, `_` and `-`, at most 64"
IDENTIFIER = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,63}")
IDENTIFIER_RULE = "a letter or `_`, then letters, digits and `_`, at most 64"
POOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
POOL_RULE = "letters, digits, `_` and `-`, at most 64"
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")
LABEL_RULE = "letters, digits, `.`, `_`, `/` and `-`, at most 63"
RESOURCE = re.compile(r"[a-z][a-z0-9._-]{0,62}")
RESOURCE_RULE = (
    "cpu, memory, or a name in lower case of your own such as gpu, at most 63 characters"
)
LIMIT_MAX = 1_000_000
"""Highest limit of a concurrency or rate limit."""
ACTION = re.compile(r"[^\s$][^\x00-\x1f]{0,99}")
TAG = re.compile(r"[^\s,][^\x00-\x1f,]{0,99}")
TAG_RULE = "texts without commas, at most 100 characters each"
HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?|\*")  # noqa: E501  # fmt: skip
HOST_RULE = 'host names such as "api.example.com", "*.example.com" or "localhost:8080"'

JS_TYPE = "js@1"
"""The node type behind `run`."""
OUTPUT_TYPE = "output@1"
"""The node type of the hidden last node; files cannot use it."""

EXPRESSION_ROOTS = ("params", "nodes", "input", "payload", "run", "env", "vars")
"""Names an expression reads data by; `item` comes on top in a fan-out."""
LATER_ROOTS = ("secrets",)
RUN_FIELDS = ("id", "attempt", "started_at", "trigger")
NODE_FIELDS = ("output", "error", "status")
EFFECT_FUNCTIONS = ("http", "db", "mail")
"""Host functions that change things outside."""
HOST_FUNCTIONS = (*EFFECT_FUNCTIONS, "crypto", "security", "sleep")
HOST_FUNCTIONS_LATER = {
    "db": "use a node of type db.query@1 or db.exec@1",
    "mail": "leave it out for now",
    "security": "leave it out for now",
}
"""Host functions that workers do not offer to scripts yet, and what to do meanwhile."""
JAVASCRIPT_GLOBALS = frozenset((
    "undefined", "NaN", "Infinity", "globalThis", "Math", "JSON", "Date", "Number", "String",
    "Boolean", "Array", "Object", "RegExp", "Map", "Set", "WeakMap", "WeakSet", "Symbol", "BigInt",
    "Promise", "Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "EvalError",
    "URIError", "AggregateError", "parseInt", "parseFloat", "isNaN", "isFinite",
    "encodeURIComponent", "decodeURIComponent", "encodeURI", "decodeURI", "escape", "unescape",
    "Reflect", "Proxy", "ArrayBuffer", "DataView", "Int8Array", "Uint8Array", "Uint8ClampedArray",
    "Int16Array", "Uint16Array", "Int32Array", "Uint32Array", "Float32Array", "Float64Array",
    "BigInt64Array", "BigUint64Array", "console", "crypto", "Iterator", "arguments",
))  # fmt: skip
"""What the sandbox has besides its own names."""
SCRIPT_GLOBALS = JAVASCRIPT_GLOBALS | {"next", "harden", "Temporal"}
"""What scripts have besides: they choose branches."""
ELSEWHERE = {
    "fetch": "write `await http.get(url)`",
    "setTimeout": "write `await sleep(ms)`",
    "setInterval": "write a loop with `await sleep(ms)`",
    "require": "a script loads no modules",
    "process": "`env` has the variables that the flow lists",
    "structuredClone": "write JSON.parse(JSON.stringify(value))",
}
"""Names that other places have where JavaScript runs, and what to write here."""
