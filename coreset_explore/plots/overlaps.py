"""The overlap matrix of several selections as a figure, like ones next to each other if one wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from coreset_explore.plots import palette
from coreset_explore.plots.base import (
    PLAIN,
    SMALL,
    breadth,
    brief,
    entitle,
    figure,
    lines_high,
    literal,
    plain,
)

NUMBERED = 16  # selections up to which the overlaps stand in the cells


@literal
def overlap(
    matrix: Tensor,
    names: Sequence[str],
    *,
    order: Literal["given", "clusters"] = "given",
    title: str = "Overlap (Jaccard)",
    dark: bool = False,
):
    """The overlap matrix (m, m) of several selections in cividis, and in numbers up to NUMBERED of them.

    `order` "clusters" puts selections that overlap next to each other, by average linkage of 1 − overlap.
    """
    from matplotlib.colors import PowerNorm

    m = len(names)
    if tuple(matrix.shape) != (m, m):
        raise ValueError(f"overlap wants one row and column a name, ({m}, {m}), got {tuple(matrix.shape)}")
    if order not in ("given", "clusters"):
        raise ValueError(f"order is 'given' or 'clusters', not {order!r}")
    if order == "clusters" and m > 2:
        kept = clustered(matrix)
        matrix, names = matrix[kept][:, kept], [names[i] for i in kept]
    names = [brief(name) for name in names]
    numbers = m <= NUMBERED
    cell = (0.62, 0.52) if numbers else (0.15, 0.15)
    beside = max(
        1.2, 0.2 + breadth(names, PLAIN if numbers else SMALL)
    )  # names, upright below where they are many
    below = 0.3 + 0.5 * beside if numbers else beside
    wide = beside + cell[0] * m + (0.4 if numbers else 1.0)
    head = lines_high(title, wide - beside)
    made = figure(wide, below + cell[1] * m + 0.1 + head, dark)
    axes = plain(made.add_subplot(), dark)
    entitle(axes, title, dark, beside)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    # by their root where no numbers stand: most overlaps of many methods are below 0.1
    scale = {"vmin": 0, "vmax": 1} if numbers else {"norm": PowerNorm(0.5, 0, 1)}
    shown = axes.imshow(matrix.numpy(), cmap="cividis", aspect="auto" if numbers else "equal", **scale)
    axes.set_xticks(range(m), names, rotation=30 if numbers else 90, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(m), names)
    axes.tick_params(length=0)
    if not numbers:
        axes.tick_params(labelsize=SMALL)
        for label in axes.get_xticklabels():
            label.set_va("center")
        bar = made.colorbar(shown, ax=axes, fraction=0.025, pad=0.01, aspect=40)
        bar.set_ticks(
            [0, 0.01, 0.05, 0.1, 0.2, 0.5, 1], labels=["0", "0.01", "0.05", "0.1", "0.2", "0.5", "1"]
        )
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=SMALL, length=0, colors=palette.ink("text", dark))
        return made
    for i in range(m):
        for j in range(m):
            value = float(matrix[i, j])
            ink = palette.readable_on(palette.RAMP[min(9, max(0, round(value * 9)))])
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=PLAIN, color=ink)
    return made


def clustered(matrix: Tensor) -> list[int]:
    """The order of m selections, from their overlaps (m, m), in which like ones stand together."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    apart = (1 - (matrix + matrix.T) / 2).double().clone()
    apart.fill_diagonal_(0)
    tree = linkage(squareform(apart.numpy(), checks=False), "average", optimal_ordering=True)
    return leaves_list(tree).tolist()
