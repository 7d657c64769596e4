"""The strips under Compare's map: what only one of the two selections holds."""

from __future__ import annotations

import numpy as np

from coreset_explore.experiment.runs import Run
from widgets.explorer.rows import short
from widgets.kit.gallery import Cell, Section
from widgets.kit.pictures import Pictures

STRIP, STRIP_CARDS = 16, 6  # pictures, and cards, which are wider


def only_strip(
    label: str,
    run: Run,
    without: Run,
    j: int,
    color: str,
    pictures: Pictures,
    found: np.ndarray | None = None,
) -> Section:
    """What `run` picks and `without` does not, in pick order; of a search, what it finds of these."""
    selection, other = run.at[j], set(without.at[j].indices.tolist())
    hits = None if found is None else set(found.tolist())
    weights = selection.weights
    only = [(rank, row) for rank, row in enumerate(selection.indices.tolist()) if row not in other]
    whole = len(only)
    only = only if hits is None else [(rank, row) for rank, row in only if row in hits]
    cells = [
        Cell(
            row,
            f"{pictures.name(row)}{pictures.opening(row)}, rank {rank + 1} of {run.strategy.name}",
            str(rank + 1),
            "" if weights is None else f"×{short(float(weights[rank]))}",
        )
        for rank, row in only[: STRIP if pictures.kind in ("images", "values") else STRIP_CARDS]
    ]
    rows = f"{whole:,} rows" if hits is None else f"{len(only):,} of {whole:,} rows found"
    return Section([cells], label, rows, color)
