"""The door to tree-sitter: syntax errors of JavaScript, and what it reads from outside. Nothing is
executed.

tree-sitter is a tolerant parser: what it refuses is wrong, what it accepts may still be refused by
V8 (two `let` of one name, `??` next to `||`). Those are failures of the node at run time.
"""

from collections.abc import Iterator

import msgspec
import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from penstock.workflow.expressions.access import Access
from penstock.workflow.javascript_faults import Offsets, SyntaxFault, faults_of

ERRORS_MAX = 3
"""Syntax errors told per script: later ones are mostly echoes of the first."""

_NAMES = """
[(identifier) (shorthand_property_identifier)] @use
(shorthand_property_identifier_pattern) @bind
"""
_BINDING_FIELDS = {
    "variable_declarator": "name",
    "function_declaration": "name",
    "function_expression": "name",
    "generator_function_declaration": "name",
    "generator_function": "name",
    "class_declaration": "name",
    "class": "name",
    "catch_clause": "parameter",
    "arrow_function": "parameter",
    "assignment_pattern": "left",
    "pair_pattern": "value",
}
_BINDING_PARENTS = frozenset(("formal_parameters", "array_pattern", "rest_pattern"))
_MODULE_STATEMENTS = frozenset(("import_statement", "export_statement"))


class Analysis(msgspec.Struct, frozen=True):
    """What a piece of JavaScript is made of: syntax errors, and the outside names it mentions."""

    faults: tuple[SyntaxFault, ...]
    accesses: tuple[Access, ...]


class JavaScript:
    """Parses scripts and expressions; equal sources are parsed once."""

    def __init__(self) -> None:
        language = Language(tree_sitter_javascript.language())
        self._parser = Parser(language)
        self._query = Query(language, _NAMES)
        self._bodies: dict[str, Analysis] = {}
        self._expressions: dict[str, Analysis] = {}

    def body(self, source: str) -> Analysis:
        """Analyse the body of an async function."""
        known = self._bodies.get(source)
        if known is None:
            known = self._bodies[source] = self._analyse(source, "", "")
        return known

    def expression(self, source: str) -> Analysis:
        """Analyse one expression."""
        known = self._expressions.get(source)
        if known is None:
            known = self._expressions[source] = self._analyse(source, "(", "\n)")
        return known

    def _analyse(self, source: str, prefix: str, suffix: str) -> Analysis:
        text = (prefix + source + suffix).encode("utf-8", "surrogatepass")
        root = self._parser.parse(text).root_node
        offsets = Offsets(text, len(prefix), len(suffix), len(source))
        if root.has_error:
            return Analysis(faults_of(root, offsets, ERRORS_MAX), ())
        fault = _not_an_expression(root) if prefix else _not_a_body(root, offsets)
        if fault is not None:
            return Analysis((fault,), ())
        return Analysis((), tuple(self._accesses(root, offsets)))

    def _accesses(self, root: Node, offsets: Offsets) -> Iterator[Access]:
        captures = QueryCursor(self._query).captures(root)
        uses: list[Node] = []
        bound = {node.text for node in captures.get("bind", ())}
        for node in captures.get("use", ()):
            if _binds(node):
                bound.add(node.text)
            else:
                uses.append(node)
        for node in sorted(uses, key=lambda node: node.start_byte):
            if node.text not in bound and node.text:
                yield _access(node, offsets.of(node.start_byte))


def _not_an_expression(root: Node) -> SyntaxFault | None:
    """None if the wrapped text is one parenthesised expression and nothing else."""
    statements = [node for node in root.named_children if node.type != "comment"]
    if len(statements) == 1 and statements[0].type == "expression_statement":
        inside = statements[0].named_children
        if len(inside) == 1 and inside[0].type == "parenthesized_expression":
            return None
    fix = "write one expression; statements belong into `run`"
    return SyntaxFault(0, "it is not one expression", fix)


def _not_a_body(root: Node, offsets: Offsets) -> SyntaxFault | None:
    for node in root.named_children:
        if node.type in _MODULE_STATEMENTS:
            word = node.type.partition("_")[0]
            fix = "a script is the body of a function and loads no modules: remove it"
            return SyntaxFault(offsets.of(node.start_byte), f"`{word}` is not possible here", fix)
    return None


def _binds(node: Node) -> bool:
    """True if the identifier declares a name instead of using one."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type in _BINDING_PARENTS:
        return True
    if parent.type == "for_in_statement":
        return parent.child_by_field_name("left") == node and parent.child_by_field_name("kind") is not None  # noqa: E501  # fmt: skip
    field = _BINDING_FIELDS.get(parent.type)
    return field is not None and parent.child_by_field_name(field) == node


def _access(node: Node, offset: int) -> Access:
    root = (node.text or b"").decode("utf-8", "replace")
    first, outer = _member(node)
    second = _member(outer)[0] if first is not None and outer is not None else None
    return Access(root, offset, first, second)


def _member(node: Node) -> tuple[str | None, Node | None]:
    """The static key by which `node` is accessed, and the access itself; (None, None) if it is used
    otherwise."""
    parent = node.parent
    if parent is None or parent.child_by_field_name("object") != node:
        return None, None
    if parent.type == "member_expression":
        key = parent.child_by_field_name("property")
        return ((key.text or b"").decode() if key else None), parent
    if parent.type == "subscript_expression":
        index = parent.child_by_field_name("index")
        if index is not None and index.type == "string":
            inner = (index.text or b"''").decode("utf-8", "replace")[1:-1]
            return (None if "\\" in inner else inner), parent
    return None, None
