"""The card at the pointer, as HTML: what a row is, and what the run on the map says of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from widgets.explorer import map_side
from widgets.explorer.rows import Reading
from widgets.kit.markup import cut, short, text


def card_html(reading: Reading, row: int, tags: Sequence[str] = ()) -> str:
    """What a row is shown as, its class, prediction, rank and weight; its score, where the method has one; its tags."""
    if not 0 <= row < reading.n:
        return ""
    return f"{map_side.card(reading, row)}{_more(scored(reading, row), tags)}"


def _more(lines: Sequence[str], tags: Sequence[str]) -> str:
    """Lines of HTML under a card, and the row's tags as the dialog shows them."""
    chips = "".join(f'<span class="cx-tag">{cut(tag)}</span>' for tag in tags)
    found = [*lines, *([f'<span class="cx-tags">{chips}</span>'] if chips else [])]
    return (
        f'<div class="cx-tip-more">{"".join(f"<div>{line}</div>" for line in found)}</div>' if found else ""
    )


class Side(Reading):
    """A reading that says whose standing it tells: "A CRAIG: Rank 3 of 35"."""

    side = ""

    def standing(self, row: int) -> str:
        return f"{self.side} {self.name}: {super().standing(row)}"


def compared_html(a: Side, b: Side, row: int, tags: Sequence[str] = ()) -> str:
    """The same row's card in Compare: what it is, and how each of the two selections ranks and weighs it."""
    if not 0 <= row < a.n:
        return ""
    a.side, b.side = "A", "B"
    weight = b.weight(row)
    lines = [f"{text(b.standing(row))}{'' if weight is None else f', weight {short(weight)}'}"]
    return f"{map_side.card(a, row)}{_more(lines, tags)}"


def scored(reading: Reading, row: int) -> list[str]:
    """The method's score of the row and its place among all; nothing for a method that ranks none."""
    score = reading.selection.score
    if score is None or not np.isfinite(value := float(score[row])):
        return []
    above = int((score > score[row]).sum())
    return [f"Score <b>{short(value)}</b>, {above + 1:,} of {reading.n:,}"]
