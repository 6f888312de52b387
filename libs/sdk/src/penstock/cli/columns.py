"""How wide the columns of a table are where the terminal is too narrow for all of it. Pure."""

from collections.abc import Sequence

GAP = 2
"""Blanks between two columns."""


def table_width(widths: Sequence[int]) -> int:
    """Of the columns that are shown, with the gaps between them."""
    shown = [width for width in widths if width]
    return sum(shown) + GAP * max(0, len(shown) - 1)


def fit_widths(
    natural: Sequence[int], giving: Sequence[tuple[int, int]], available: int
) -> list[int]:
    """Widths for a terminal of `available` cells; 0 leaves a column out.

    `giving` names the columns that give way, first come first, each with the width that still says
    something: it is cut down to that, and left out if that is not enough. The others are never
    cut, so the table may still be too wide.
    """
    widths = list(natural)
    for column, least in giving:
        excess = table_width(widths) - available
        if excess <= 0:
            break
        cut = widths[column] - excess
        widths[column] = cut if cut >= least else 0
    return widths
