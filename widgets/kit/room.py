"""How much room the page leaves: what is folded away, how wide a tab is, how high its picture may be."""

from __future__ import annotations

from widgets.kit.session import Session

RAIL = 248  # px: the form at the left
NARROW = 900  # px: of a panel so wide or less the form is folded away, unless the user wants it
MARGINS = 34  # px: beside a tab
HEAD = 108  # px: header and tabs
BAR = 58  # px: what stays of a folded form
CELL = 78  # px: a cell's few lines of code, over the panel
LOW = 300  # px: a picture is never less high than this
SLIGHT = 40  # px of another height for which a picture is not drawn anew


def folded(session: Session) -> bool:
    """Whether the form is folded away: as the user wants it, else as the panel's width says."""
    return session.width <= NARROW if session.folded is None else session.folded


def width(session: Session) -> int:
    """Px that a tab has from side to side."""
    beside = not folded(session) and session.width > NARROW
    return max(240, session.width - MARGINS - (RAIL if beside else 0))


def height(session: Session, others: int, most: int, now: int = 0) -> int:
    """Px that a tab's picture may be high, beside `others` px of what stands over and under it, to be seen with them.

    Up to `most`, which it is where the page has not said how high the window is. One that is `now` px high stays so
    where it would change by little.
    """
    if not session.height:
        return most
    left = session.height - CELL - HEAD - others - (BAR if folded(session) else 0)
    wanted = min(most, max(LOW, left))
    return now if abs(wanted - now) <= SLIGHT else wanted
