"""Checks the keys of limits and of affinities: each must have its value before a worker has the
attempt, from parameters and items alone."""

from collections.abc import Iterable, Iterator, Mapping

from penstock.workflow.definition import FlowDefinition
from penstock.workflow.document import Document
from penstock.workflow.expressions.access import Access
from penstock.workflow.expressions.errors import TemplateSyntaxError
from penstock.workflow.expressions.parse import accesses_of
from penstock.workflow.expressions.template import OPEN, parse_template
from penstock.workflow.issues import IssueList
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names

LIMITS = ("concurrency", "rate_limit", "breaker")
_KNOWN = "it can read `params`, `run.id` and, in a node with `for_each`, the item"


def check_limit_keys(flow: FlowDefinition, document: Document, issues: IssueList) -> None:
    """Tell of every key that could not be evaluated where limits are held."""
    checker = _Checker(flow, document, issues)
    for text, path in _keys(document.root.items or {}, ""):
        checker.check(text, path, None)
    for node in flow.nodes:
        item = node.item_name if node.for_each is not None else None
        source = node.source.items or {}
        for text, path in (*_keys(source, node.path), *_affinity(source, node.path)):
            checker.check(text, path, item)


def _keys(items: Mapping[str, Located], path: str) -> Iterator[tuple[Located, str]]:
    """The keys of limits that hold expressions, with their paths."""
    for limit in LIMITS:
        value = items.get(limit)
        key = (value.items or {}).get("key") if value is not None else None
        if key is not None and isinstance(key.data, str) and OPEN in key.data:
            yield key, join_path(join_path(path, limit), "key")


def _affinity(items: Mapping[str, Located], path: str) -> Iterator[tuple[Located, str]]:
    """The key of a node's affinity, which follows the same rules."""
    value = items.get("affinity")
    if value is not None and isinstance(value.data, str) and OPEN in value.data:
        yield value, join_path(path, "affinity")


class _Checker:
    def __init__(self, flow: FlowDefinition, document: Document, issues: IssueList) -> None:
        self._params = flow.params
        self._document = document
        self._issues = issues

    def check(self, text: Located, path: str, item: str | None) -> None:
        """Look at one key."""
        try:
            template = parse_template(text.data)
        except TemplateSyntaxError as error:
            fix = "close it with `}}`, and check its quotes and brackets"
            self._tell("BAD_EXPRESSION", text, error.offset, path, f"{error.message}.", fix)
            return
        for expression in template.expressions:
            if expression.tree is None:
                message = (
                    f"`{expression.source[:60]}` is too much for a key like this: it is evaluated "
                    "without running JavaScript."
                )
                fix = "use paths, comparisons, `?:` and `+` only, such as ${{ params.customer }}"
                self._tell("NOT_POSSIBLE_HERE", text, expression.offset, path, message, fix)
                continue
            self._check_reads(accesses_of(expression.tree), text, expression.offset, path, item)

    def _check_reads(
        self, accesses: Iterable[Access], text: Located, start: int, path: str, item: str | None
    ) -> None:
        for access in accesses:
            offset = start + access.offset
            root, key = access.root, access.key
            if root == "params":
                if key is not None and key not in self._params:
                    fix = Names(self._params).hint(key) or "declare it under `params:`"
                    message = f'`params` has no "{key[:60]}".'
                    self._tell("UNKNOWN_PARAM", text, offset, path, message, fix)
            elif not (root == "run" and key == "id") and not (item and root in {"item", item}):
                message = f"A key like this cannot read `{root[:60]}`."
                self._tell("NOT_POSSIBLE_HERE", text, offset, path, message, _KNOWN)

    def _tell(
        self, code: str, text: Located, offset: int, path: str, message: str, fix: str
    ) -> None:
        full = self._issues.full
        place = text.place(path) if full else self._document.place_in(text, offset, path)
        self._issues.error(code, place, message, fix)
