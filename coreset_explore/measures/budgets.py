"""Budgets as numbers of picks that there are."""

from __future__ import annotations

from collections.abc import Sequence

from coreset_explore.selection import Selection


def asked_for(budgets: Sequence[int], selection: Selection) -> list[int]:
    """Every budget as a number of picks there are."""
    if len(selection) == 0:
        raise ValueError("an empty selection covers nothing; select at least 1 row")
    if len(budgets) == 0 or min(budgets) < 1:
        raise ValueError(f"budgets are numbers of picks from 1, got {list(budgets)}")
    return [min(int(b), len(selection)) for b in budgets]
