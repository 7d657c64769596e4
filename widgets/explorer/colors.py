"""What the map's colors can say: a pick's class, rank or weight; or of all points a class, a tag or a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from coreset_explore.plots import palette
from widgets.explorer.rows import Reading
from widgets.kit import encode
from widgets.kit.markup import cut, short, text

PICKS = [("Class", "class"), ("Rank", "rank"), ("Weight", "weight")]  # of picks; the others stay grey
FIELDS = ("ids", "y", "emb", "logits", "grads", "history", "similarity")  # of a pool, that are no columns
STEPS = 10  # of a number's colors, each with as many points
MOST_COLUMNS = 40
LISTED = 12  # names in a legend


@dataclass(frozen=True, eq=False)
class Coloring:
    """Which group each row belongs to, and what the groups are; `every` tells whether all points are colored.

    `groups` (n,) int or None for one; a group past the last name has no value and stays grey. `ends` are the lowest,
    the middle and the highest value of a number, whose groups are steps of one ramp.
    """

    title: str
    groups: np.ndarray | None
    names: Sequence[str] = ()
    ends: tuple[float, float, float] | None = None
    every: bool = True

    def shades(self, dark: bool) -> list[list[float]] | None:
        """RGBA a group, or None where only picks are colored."""
        if not self.every:
            return None
        if self.ends is None:
            found = [
                encode.rgba(c) for c in palette.class_colors(min(len(self.names), encode.MAX_COLORS), dark)
            ]
        else:
            found = [encode.rank_color(1 - step / (STEPS - 1), dark) for step in range(STEPS)]
        return [*found, encode.rgba(palette.ink("rest", dark))]


def options(reading: Reading, tags: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(title, value) of what there is to color by."""
    pool = reading.result.pool
    found = [*PICKS]
    if reading.labels is None:
        found = found[1:]
    else:
        found.append(("All: class", "all class"))
    if pool.logits is not None:
        found.append(("All: prediction", "prediction"))
    if reading.run.selection.score is not None:
        found.append(("All: score", "score"))
    if (pool.logits is not None and pool.y is not None) or getattr(pool.history, "loss", None) is not None:
        found.append(("All: loss", "loss"))
    if reading.k:
        found.append(("All: distance", "distance"))
    if any(len(rows) for rows in tags.values()):
        found.append(("All: tag", "tag"))
    return [*found, *((f"All: {name}", f"column {name}") for name, _ in _columns(reading))]


def coloring(reading: Reading, by: str, tags: Mapping[str, Any]) -> Coloring:
    """What `by` (a value of `options`) makes of the rows; class where it is not to be had."""
    if by not in {value for _, value in options(reading, tags)}:
        by = "class"
    names = [] if reading.labels is None else [reading.class_name(c) for c in range(reading.classes)]
    if by == "all class":
        return Coloring("Class", reading.labels, names)
    if by == "prediction":
        return Coloring("Prediction", reading.result.pool.logits.argmax(1).cpu().numpy(), names)
    if by == "tag":
        return _tagged(reading, tags)
    if by == "score":
        return _steps(f"Score of {reading.name}", reading.run.selection.score)
    if by == "distance":
        return _distances(reading)
    if by == "loss":
        return _steps("Loss", _losses(reading))
    if by.startswith("column "):
        return _steps(by[7:], dict(_columns(reading))[by[7:]]())
    return Coloring("", reading.labels, names, every=False)


def legend(found: Coloring, dark: bool, word: str = "points") -> str:
    """The key of a coloring of all rows (called `word`), as HTML; nothing where only picks are colored."""
    if not found.every:
        return ""
    css = [_css(shade) for shade in found.shades(dark)]
    head = f'<div class="cx-h">Color: {text(found.title)}</div>'
    if found.ends is not None:
        if not np.isfinite(found.ends[0]):
            return head
        low, middle, high = (short(value) for value in found.ends)
        steps = "".join(f'<i style="background:{c}"></i>' for c in css[:STEPS])
        ramp = f'<div class="cx-ramp"><span>{low}</span>{steps}<span>{high}</span></div>'
        return f'{head}{ramp}<div class="cx-note">As many {word} in each step; half lie below {middle}.</div>'
    rows = found.groups % encode.MAX_COLORS if len(found.names) > encode.MAX_COLORS else found.groups
    counts = np.bincount(rows, minlength=len(found.names) + 1)
    order = np.argsort(-counts[: len(found.names)], kind="stable")[:LISTED]
    lines = [
        f'<span><i style="background:{css[g]}"></i>{cut(found.names[g])} <u>{counts[g]:,}</u></span>'
        for g in sorted(order)
    ]
    rest = len(found.names) - len(order)
    more = f'<div class="cx-note">and {rest:,} more</div>' if rest > 0 else ""
    return f'{head}<div class="cx-keys">{"".join(lines)}</div>{more}'


def _tagged(reading: Reading, tags: Mapping[str, Any]) -> Coloring:
    """The first tag of a row by the order of `tags` {name: ids of rows}; rows without one are grey."""
    ids = reading.result.pool.ids.cpu().numpy()
    used = {name: rows for name, rows in tags.items() if len(rows)}
    groups = np.full(reading.n, len(used))
    for group, rows in reversed(list(enumerate(used.values()))):
        groups[np.isin(ids, np.fromiter(rows, int))] = group
    return Coloring("Tag", groups, list(used))


def _distances(reading: Reading) -> Coloring:
    """How far each row is from the pick that stands for it, once that is known; rows that none stands for are grey."""
    title = f"Distance to a pick{reading.measured_in}"
    if reading.known_owners is None:
        return Coloring(
            f"{title}: being measured …", np.full(reading.n, STEPS), ends=(np.nan, np.nan, np.nan)
        )
    return _steps(title, reading.distances())


def _steps(title: str, values: Any) -> Coloring:
    """Ten steps with as many rows each, so that one far value does not take all colors; no number is no step."""
    values = torch.as_tensor(values).double().cpu().numpy()
    real = np.isfinite(values)
    if not real.any():
        return Coloring(title, np.full(len(values), STEPS), ends=(np.nan, np.nan, np.nan))
    known = values[real]
    edges = np.quantile(known, np.arange(1, STEPS) / STEPS)
    groups = np.where(real, np.searchsorted(edges, values, side="right"), STEPS)
    return Coloring(title, groups, ends=(known.min(), float(np.median(known)), known.max()))


def _losses(reading: Reading) -> Any:
    """(n,) cross entropy of the last logits, or of the last epoch that was watched; None where there is neither."""
    pool = reading.result.pool
    if pool.logits is not None and pool.y is not None:
        return torch.nn.functional.cross_entropy(pool.logits.float(), pool.y, reduction="none")
    watched = getattr(pool.history, "loss", None)
    return None if watched is None else watched[:, -1]


def _columns(reading: Reading) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(name, what gives its (n,) numbers) of the pool's own extras, then of a table's columns."""
    pool, data = reading.result.pool, reading.result.data
    for name, value in pool.fields.items():
        if name not in FIELDS and getattr(value, "ndim", 0) == 1 and _numeric(value):
            yield name, partial(pool.fields.get, name)
    x, columns = getattr(data, "x", None), getattr(data, "columns", None)
    if columns and x is not None and x.ndim == 2:
        for place, name in enumerate(columns[:MOST_COLUMNS]):
            yield str(name), partial(x.__getitem__, (reading.result.rows, place))


def _numeric(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return isinstance(value, torch.Tensor) or (isinstance(dtype, np.dtype) and dtype.kind in "iufb")


def _css(color: Sequence[float]) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in color[:3])
