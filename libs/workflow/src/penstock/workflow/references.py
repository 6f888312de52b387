"""Checks the expressions and scripts of a file: their syntax, and that what they read exists."""

import bisect
from collections.abc import Iterator, Mapping

from penstock.workflow import vocabulary as words
from penstock.workflow.definition import FlowDefinition, NodeDefinition
from penstock.workflow.document import Document
from penstock.workflow.expressions.access import Access
from penstock.workflow.expressions.errors import TemplateSyntaxError
from penstock.workflow.expressions.parse import accesses_of
from penstock.workflow.expressions.template import OPEN, parse_template
from penstock.workflow.issues import IssueList, Place
from penstock.workflow.javascript import JavaScript
from penstock.workflow.javascript_faults import SyntaxFault
from penstock.workflow.located import Located, join_path
from penstock.workflow.nearest import Names
from penstock.workflow.variables import METHODS, is_name

_OBJECT_METHODS = frozenset(("hasOwnProperty", "toString", "valueOf", "constructor"))
_ELEMENT_NAMES = frozenset(("item", "index"))
_BEFORE_ITEMS = ("when", "for_each")
_SCRIPT_NAMES = Names((*words.EXPRESSION_ROOTS, *words.HOST_FUNCTIONS, *words.SCRIPT_GLOBALS))
_NO_HOST_CALLS = frozenset((*words.EFFECT_FUNCTIONS, "sleep", "next"))


class Reads:
    """What the texts of one node read: nodes with the place of their first mention, parents by
    `input`, and so on."""

    def __init__(self) -> None:
        self.nodes: dict[str, Place] = {}
        self.all_nodes = False
        self.inputs: dict[str, Place] = {}
        self.payload: Place | None = None
        self.host_functions: set[str] = set()
        self.uses_vars = False


class ReferenceChecker:
    """Reads all texts of a file with `${{ }}` and all scripts."""

    def __init__(self, flow: FlowDefinition, document: Document, issues: IssueList) -> None:
        self._flow = flow
        self._document = document
        self._issues = issues
        self._javascript = JavaScript()
        self._ids = {node.id for node in flow.nodes}
        self._sorted_ids = sorted(self._ids)
        self._id_names = Names(self._ids)
        self._param_names = Names(flow.params)

    def read_node(self, node: NodeDefinition) -> Reads:
        """What a node's expressions and script read."""
        reads = Reads()
        items = node.source.items or {}
        for key in ("when", "for_each", "with"):
            if (value := items.get(key)) is not None:
                self._read_texts(value, join_path(node.path, key), _Context(node, key, reads))
        if (value := items.get("summary")) is not None:
            # A summary is for people and makes nobody wait: its reads are checked, not kept.
            context = _Context(node, "summary", Reads())
            self._read_texts(value, join_path(node.path, "summary"), context)
        if node.script is not None:
            self._read_script(items["run"], node.script, _Context(node, "run", reads))
        return reads

    def read_output(self, output: Located) -> Reads:
        """What the workflow's `output` reads."""
        reads = Reads()
        self._read_texts(output, "output", _Context(None, "output", reads))
        return reads

    def _read_texts(self, value: Located, path: str, context: "_Context") -> None:
        raw = context.raw_fields
        for key, item in (value.items or {}).items() if raw else ():
            # What a type evaluates itself it may evaluate per element, seen as `item` and `index`.
            inner = join_path(path, key)
            context.own_names = _ELEMENT_NAMES if key in raw else frozenset()
            for text, place in _texts(item, inner):
                self._read_text(text, place, context)
        if not raw:
            for text, place in _texts(value, path):
                self._read_text(text, place, context)

    def _read_text(self, text: Located, path: str, context: "_Context") -> None:
        try:
            template = parse_template(text.data)
        except TemplateSyntaxError as error:
            place = self._document.place_in(text, error.offset, path)
            fix = "close it with `}}`, and check its quotes and brackets"
            self._issues.error("BAD_EXPRESSION", place, f"{error.message}.", fix)
            return
        is_whole = context.key in _BEFORE_ITEMS and path == join_path(context.path, context.key)
        if is_whole and template.only_expression is None:
            message = f'"{context.key}" must be one expression, with no text around it.'
            fix = "put everything into one ${{ }}"
            self._issues.error("WRONG_TYPE", text.place(path), message, fix)
        for expression in template.expressions:
            if expression.tree is not None:
                accesses: tuple[Access, ...] = tuple(accesses_of(expression.tree))
            else:
                analysis = self._javascript.expression(expression.source)
                self._tell_faults(analysis.faults, text, expression.offset, path)
                accesses = analysis.accesses
            for access in accesses:
                offset = expression.offset + access.offset
                self._check(access, text, offset, path, context)

    def _read_script(self, text: Located, script: str, context: "_Context") -> None:
        path = join_path(context.path, "run")
        analysis = self._javascript.body(script)
        self._tell_faults(analysis.faults, text, 0, path)
        for access in analysis.accesses:
            self._check(access, text, access.offset, path, context)

    def _tell_faults(
        self, faults: tuple[SyntaxFault, ...], text: Located, start: int, path: str
    ) -> None:
        for fault in faults:
            place = self._document.place_in(text, start + fault.offset, path)
            message = f"JavaScript syntax: {fault.message}."
            self._issues.error("BAD_JAVASCRIPT", place, message, fault.fix)

    def _check(
        self, access: Access, text: Located, offset: int, path: str, context: "_Context"
    ) -> None:
        root = access.root
        node = context.node
        if root in context.own_names:
            return
        if root == "nodes":
            self._check_node(access, text, offset, path, context)
        elif root in words.LATER_ROOTS:
            self._tell("NOT_SUPPORTED_YET", text, offset, path, f"`{root}` is not supported yet.")
        elif root in {"input", "payload", context.item_name} or (root == "item" and not context.script):  # noqa: E501  # fmt: skip
            self._check_local(access, text, offset, path, context)
        elif root == "params":
            self._check_key(access, "UNKNOWN_PARAM", self._flow.params, text, offset, path)
        elif root == "env":
            known = dict.fromkeys(self._flow.env)
            self._check_key(access, "UNKNOWN_ENV", known, text, offset, path)
        elif root == "run":
            known = dict.fromkeys(words.RUN_FIELDS)
            self._check_key(access, "UNKNOWN_FIELD", known, text, offset, path)
        elif root == "vars":
            self._check_vars(access, text, offset, path, context)
        elif context.script:
            if root in words.HOST_FUNCTIONS_LATER:
                message = f"`{root}` is not supported in scripts yet."
                fix = words.HOST_FUNCTIONS_LATER[root]
                self._tell("NOT_SUPPORTED_YET", text, offset, path, message, fix)
            elif root in words.HOST_FUNCTIONS:
                context.reads.host_functions.add(root)
            elif root in {"globalThis", "eval", "Function"}:
                context.reads.host_functions.update(words.HOST_FUNCTIONS)
            elif root not in words.SCRIPT_GLOBALS:
                self._warn_of_name(root, text, offset, path)
        elif root in _NO_HOST_CALLS:
            message = f"`{root}` can only be used in `run`, not in an expression."
            self._tell("NOT_POSSIBLE_HERE", text, offset, path, message, "use a node of its own")
        elif root not in words.JAVASCRIPT_GLOBALS:
            known_names = (*words.EXPRESSION_ROOTS, *((node.item_name,) if node else ()))
            message = f'"{root[:60]}" is not a name that expressions know.'
            fix = Names(known_names).hint(root) or "they know " + ", ".join(known_names)
            self._tell("UNKNOWN_NAME", text, offset, path, message, fix)

    def _warn_of_name(self, root: str, text: Located, offset: int, path: str) -> None:
        """A script may ask for names that are nowhere defined: they read as undefined. Mostly it is
        a misspelling, or something that browsers or Node have."""
        place = (
            text.place(path) if self._issues.full else self._document.place_in(text, offset, path)
        )
        message = f"`{root[:60]}` is defined nowhere: it reads as undefined."
        fix = words.ELSEWHERE.get(root) or _SCRIPT_NAMES.hint(root)
        self._issues.warning("UNKNOWN_NAME", place, message, fix)

    def _check_node(
        self, access: Access, text: Located, offset: int, path: str, context: "_Context"
    ) -> None:
        key = access.key
        if key is None:
            context.reads.all_nodes = True
        elif key not in self._ids:
            longer = self._hyphenated(key)
            fix = f'write nodes["{longer}"]' if longer else self._id_names.hint(key)
            message = f'There is no node "{key[:60]}".'
            self._tell("UNKNOWN_NODE", text, offset, path, message, fix)
        elif context.node is not None and key == context.node.id:
            message = "A node cannot read its own outcome."
            self._tell("SELF_REFERENCE", text, offset, path, message)
        else:
            if key not in context.reads.nodes:
                context.reads.nodes[key] = self._document.place_in(text, offset, path)
            if access.field is not None and access.field not in words.NODE_FIELDS:
                message = (
                    f'A node has {", ".join(words.NODE_FIELDS)}, but no "{access.field[:60]}".'
                )
                fix = Names(words.NODE_FIELDS).hint(access.field)
                fix = fix or f"write nodes.{key}.output.{access.field[:60]}"
                self._tell("UNKNOWN_FIELD", text, offset, path, message, fix)

    def _hyphenated(self, start: str) -> str | None:
        """A node id that begins like this and goes on with a hyphen, which JavaScript reads as
        minus."""
        place = bisect.bisect_left(self._sorted_ids, f"{start}-")
        found = self._sorted_ids[place : place + 1]
        return found[0] if found and found[0].startswith(f"{start}-") else None

    def _check_local(
        self, access: Access, text: Located, offset: int, path: str, context: "_Context"
    ) -> None:
        """Names that exist in a node only: `input`, `payload`, and the item of a fan-out."""
        root = access.root
        node = context.node
        if node is None:
            fix = "read nodes by `nodes.<id>.output`"
            message = f"`{root}` does not exist in `output`."
            self._tell("NOT_POSSIBLE_HERE", text, offset, path, message, fix)
        elif root == "input":
            if access.key is not None and access.key not in context.reads.inputs:
                place = self._document.place_in(text, offset, path)
                context.reads.inputs[access.key] = place
        elif root == "payload":
            if context.reads.payload is None:
                context.reads.payload = self._document.place_in(text, offset, path)
        elif node.for_each is None:
            message = f"`{root}` exists only in a node with `for_each`."
            self._tell("NOT_POSSIBLE_HERE", text, offset, path, message, "add `for_each:`")
        elif root != node.item_name:
            message = f"The item is called `{node.item_name}` here."
            self._tell("UNKNOWN_NAME", text, offset, path, message, f"write `{node.item_name}`")
        elif context.key in _BEFORE_ITEMS:
            message = f"`{root}` does not exist in `{context.key}`: that is evaluated before."
            self._tell("NOT_POSSIBLE_HERE", text, offset, path, message)

    def _check_vars(
        self, access: Access, text: Located, offset: int, path: str, context: "_Context"
    ) -> None:
        """Code gets and sets variables by methods; an expression reads them by name."""
        context.reads.uses_vars = True
        key = access.key
        if key is None or key in _OBJECT_METHODS:
            return
        if context.script and key not in METHODS:
            fix = f'write vars.get("{key[:60]}")' if is_name(key) else ""
            message = f"In `run`, `vars` has {', '.join(METHODS)}, but no `{key[:60]}`."
            self._tell("UNKNOWN_FIELD", text, offset, path, message, fix)
        elif not context.script and key in METHODS:
            message = f"`vars.{key}` can only be used in `run`."
            fix = "an expression reads a variable by its name, such as ${{ vars.total }}"
            self._tell("NOT_POSSIBLE_HERE", text, offset, path, message, fix)

    def _check_key(
        self,
        access: Access,
        code: str,
        known: Mapping[str, object],
        text: Located,
        offset: int,
        path: str,
    ) -> None:
        key = access.key
        if key is None or key in known or key in _OBJECT_METHODS:
            return
        names = self._param_names if code == "UNKNOWN_PARAM" else Names(known)
        fix = names.hint(key)
        if not fix and code != "UNKNOWN_FIELD":
            is_param = code == "UNKNOWN_PARAM"
            fix = "declare it under `params:`" if is_param else "list it under `env:`"
        message = f'`{access.root}` has no "{key[:60]}".'
        self._tell(code, text, offset, path, message, fix)

    def _tell(
        self, code: str, text: Located, offset: int, path: str, message: str, fix: str = ""
    ) -> None:
        full = self._issues.full
        place = text.place(path) if full else self._document.place_in(text, offset, path)
        self._issues.error(code, place, message, fix)


class _Context:
    """Whose text is being read, under which key. `own_names` are those the node type provides."""

    __slots__ = ("item_name", "key", "node", "own_names", "raw_fields", "reads", "script")

    def __init__(self, node: NodeDefinition | None, key: str, reads: Reads) -> None:
        self.node = node
        self.key = key
        self.reads = reads
        self.script = key == "run"
        self.item_name = node.item_name if node is not None and node.for_each is not None else None
        self.own_names: frozenset[str] = frozenset()
        self.raw_fields: tuple[str, ...] = ()
        if node is not None and node.type is not None and key == "with":
            self.raw_fields = node.type.raw_fields

    @property
    def path(self) -> str:
        return self.node.path if self.node else ""


def _texts(value: Located, path: str) -> Iterator[tuple[Located, str]]:
    """All texts with expressions inside a value, with their paths."""
    if value.items is not None:
        for key, item in value.items.items():
            yield from _texts(item, join_path(path, key))
    elif value.elements is not None:
        for position, element in enumerate(value.elements):
            yield from _texts(element, join_path(path, position))
    elif isinstance(value.data, str) and OPEN in value.data:
        yield value, path
