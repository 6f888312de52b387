"""What callers hand in, refused where the stores could not hold or find it."""

from penstock.common.errors import InvalidArgument
from penstock.common.ids import is_ulid


def checked_id(execution_id: str) -> str:
    """A well-formed execution id."""
    if not is_ulid(execution_id):
        raise InvalidArgument(
            f"{execution_id[:80]!r} is not an execution id",
            fix="Send the 26 characters that the start returned.",
        )
    return execution_id


def check_storable(**texts: str) -> None:
    """Refuse texts that PostgreSQL cannot hold: it would refuse them as a fault of ours."""
    for path, text in texts.items():
        if "\x00" in text:
            raise InvalidArgument(
                f"`{path}` holds the character U+0000.", fix="Remove it.", path=path
            )
