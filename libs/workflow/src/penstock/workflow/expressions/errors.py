"""What can go wrong with an expression."""


class TemplateSyntaxError(ValueError):
    """A text with `${{ }}` that cannot be taken apart; `offset` is the character where it begins to
    be wrong."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class ExpressionFailed(Exception):
    """Evaluating threw, with the message JavaScript gives; a permanent failure of the node."""
