"""Texts as they travel to the commit statement: many in one, told apart by characters that none of
them may hold."""

from penstock.workflow.search.terms import MARK

TAG_SEPARATOR = "\x1f"
TEXT_SEPARATOR = "\x1e"

_UNFIT = {0: "\ufffd", ord(TEXT_SEPARATOR): " ", ord(TAG_SEPARATOR): " "}
_UNFIT_IN_TAGS = {**_UNFIT, ord(MARK): " "}


def clean_text(text: str) -> str:
    """`text` without NUL, which PostgreSQL cannot hold, and without the separators used here."""
    return text if text.isprintable() else text.translate(_UNFIT)


def clean_tag(text: str) -> str:
    """A label as `clean_text`, without the mark of terms either."""
    return text if text.isprintable() else text.translate(_UNFIT_IN_TAGS)
