"""What is wrong with JavaScript that does not parse, and where: tree-sitter's error nodes in words.

Theory. tree-sitter goes on after an error: it adds a token that is missing (a missing node, exact),
or puts what it cannot use into an error node. That one may be a single stray token, or everything
from where a construct began up to where it could not go on: then the place of interest is a bracket
in it that nothing closes, an error further inside, or its last token.
"""

from collections.abc import Iterator

import msgspec
from tree_sitter import Node

_OPENERS = {")": "(", "]": "[", "}": "{"}
_CLOSERS = {"(": ")", "[": "]", "{": "}", "${": "}"}
_QUOTES = frozenset(("'", '"', "`"))
_SHOWN_CHARS = 40


class SyntaxFault(msgspec.Struct, frozen=True, gc=False):
    """A syntax error at a character offset of the source, and what would mend it."""

    offset: int
    message: str
    fix: str


class Offsets:
    """Character offsets in the source for byte offsets in the wrapped text.

    Cheap when asked in ascending order: it counts on from the last answer.
    """

    def __init__(self, text: bytes, prefix: int, suffix: int, length: int) -> None:
        self.prefix = prefix
        self._end = len(text) - suffix
        self._text = text
        self._length = length
        self._ascii = text.isascii()
        self._last = (0, 0)

    def of(self, byte: int) -> int:
        """The offset in the source, kept within it."""
        characters = byte
        if not self._ascii:
            last_byte, characters = self._last if self._last[0] <= byte else (0, 0)
            passed = self._text[last_byte:byte]
            characters += len(passed.decode("utf-8", "surrogatepass"))
            self._last = (byte, characters)
        return min(max(characters - self.prefix, 0), self._length)

    def is_behind(self, byte: int) -> bool:
        """True if this is text that was put behind the source."""
        return byte >= self._end

    def is_end(self, byte: int) -> bool:
        """True if nothing but blank space follows in the source."""
        return not self._text[byte : self._end].strip()


def faults_of(root: Node, offsets: Offsets, limit: int) -> tuple[SyntaxFault, ...]:
    """The first syntax errors of a tree that has some."""
    faults: dict[int, SyntaxFault] = {}
    for node in _wrong_nodes(root):
        fault = _fault(node, offsets)
        faults.setdefault(fault.offset, fault)
        if len(faults) == limit:
            break
    if not faults:
        return (SyntaxFault(0, "it cannot be parsed", "write it more simply"),)
    return tuple(faults.values())


def _wrong_nodes(node: Node) -> Iterator[Node]:
    """Error and missing nodes, the outermost ones, in the order of the source."""
    pending = [node]
    while pending:
        current = pending.pop()
        if current.is_error or current.is_missing:
            yield current
        elif current.has_error:
            pending.extend(reversed(current.children))


def _fault(node: Node, offsets: Offsets) -> SyntaxFault:
    if node.is_missing:
        return _missing(node, offsets)
    while True:
        opener, stray = _unpaired(node)
        if opener is not None:
            return _unclosed(opener, node, offsets)
        inner = (one for child in node.children for one in _wrong_nodes(child))
        nearer = next(inner, None) if stray is None else None
        if nearer is None:
            return _stuck(node, stray, offsets)
        if nearer.is_missing:
            return _missing(nearer, offsets)
        node = nearer


def _missing(node: Node, offsets: Offsets) -> SyntaxFault:
    what = "a value" if node.type.isidentifier() else f"`{node.type}`"
    return SyntaxFault(offsets.of(node.start_byte), f"{what} is missing", f"add {what} here")


def _unclosed(opener: Node, node: Node, offsets: Offsets) -> SyntaxFault:
    if opener.start_byte < offsets.prefix:
        message, fix = "it ends too early", "complete the expression"
        return SyntaxFault(offsets.of(node.end_byte), message, fix)
    closer = _CLOSERS.get(opener.type, opener.type)
    message, fix = f"`{opener.type}` is never closed", f"close it with `{closer}`"
    return SyntaxFault(offsets.of(opener.start_byte), message, fix)


def _stuck(node: Node, stray: Node | None, offsets: Offsets) -> SyntaxFault:
    """An error of tokens that pair up: the stray one, or the last if it is several."""
    leaves = [leaf for leaf in _leaves(node) if not offsets.is_behind(leaf.start_byte)]
    last = stray or (leaves[-1] if leaves else node)
    if stray is None and len(leaves) > 1 and offsets.is_end(last.end_byte):
        message = f"it ends too early, after `{_shown(last)}`"
        fix = f"write what belongs after `{_shown(last)}`"
        return SyntaxFault(offsets.of(last.end_byte), message, fix)
    message = f"unexpected `{_shown(last)}`"
    fix = "remove it, or mend what stands around it"
    return SyntaxFault(offsets.of(last.start_byte), message, fix)


def _leaves(node: Node) -> Iterator[Node]:
    pending = [node]
    while pending:
        current = pending.pop()
        if current.children:
            pending.extend(reversed(current.children))
        elif current.type != "comment":
            yield current


def _shown(node: Node) -> str:
    text = (node.text or b"").decode("utf-8", "replace").strip().partition("\n")[0]
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def _unpaired(node: Node) -> tuple[Node | None, Node | None]:
    """Among the loose tokens of an error, the last bracket or quote that nothing closes, and the
    first bracket that closes nothing."""
    pending: list[Node] = []
    stray: Node | None = None
    for child in node.children:
        top = pending[-1].type if pending else ""
        if child.type in _QUOTES and top == child.type:
            pending.pop()
        elif child.type in _QUOTES or child.type in _CLOSERS:
            pending.append(child)
        elif child.type in _OPENERS and top in (_OPENERS[child.type], "$" + _OPENERS[child.type]):
            pending.pop()
        elif child.type in _OPENERS and not pending:
            stray = stray or child
    return (pending[-1] if pending else None), stray
