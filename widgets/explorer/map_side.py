"""The text beside the map, as HTML: numbers at this budget, picks a class, weights, the point under the mouse."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from coreset_explore.measures import NUMBERS, THIN
from coreset_explore.plots import palette
from widgets.explorer.colors import Coloring, legend
from widgets.explorer.rows import Reading, said_class, space_of, sure, told
from widgets.kit import encode
from widgets.kit.given import YOURS
from widgets.kit.markup import brief_name, cut, listed, short
from widgets.kit.pictures import point_html

MAX_BARS = 12
NARROW = 20  # characters of a class's name beside its bar
NAME = 40  # characters of a class's or a file's name in the card
NAMELESS = ("arrays", "frame", YOURS)  # what data is called that nobody gave a name
BESIDE_RANDOM = ("mean_distance", "radius", "gradient_error")


def beside(reading: Reading, coloring: Coloring, color_by: str, dark: bool, fixed: bool = False) -> str:
    """All that stands beside the map; `fixed` says that dots keep the size of their weight at the largest budget."""
    parts = [
        numbers(reading),
        legend(coloring, dark, reading.pictures.word),
        bars(reading, dark, color_by not in ("class", "all class")),
        weights(reading, color_by, dark, fixed),
    ]
    return "".join(f'<section class="cx-part">{part}</section>' for part in parts if part)


def numbers(reading: Reading) -> str:
    """Four numbers with random's beside; the arrow says which way is better, no color does."""
    mine, random = reading.run.numbers, reading.result.random.numbers

    def at(numbers: Any, name: str) -> float | None:
        values = numbers.get(name)
        return None if values is None else values[min(reading.j, len(values) - 1)]

    boxes = []
    for name in BESIDE_RANDOM:
        value, number = at(mine, name), NUMBERS[name]
        under = "not measured" if value is None else f"random {number.write(at(random, name))}"
        boxes.append(_number(number.write(value), number.short, under, number.about))
    size, number = at(mine, "effective_size"), NUMBERS["effective_size"]
    boxes.append(_number(number.write(size), number.short, f"of {reading.k:,}", number.about))
    warning = ""
    if size is not None and size < THIN * reading.k:
        warning = '<div class="cx-thin">Weights this uneven make training diverge.</div>'
    head = f'<div class="cx-h">At {reading.many(reading.k)}</div>'
    return f'{head}<div class="cx-numbers">{"".join(boxes)}</div>{warning}'


def bars(reading: Reading, dark: bool, plain: bool = False) -> str:
    """Picks a class, with a tick where its share of the data would put it; the largest 12 where there are more.

    `plain` leaves the colors away, where the map's colors say something else.
    """
    if reading.labels is None:
        return ""
    counts = reading.counts()
    expected = np.bincount(reading.labels, minlength=len(counts)) * (reading.k / reading.n)
    order = np.arange(len(counts))
    if len(counts) > MAX_BARS:
        order = np.argsort(-counts, kind="stable")[: MAX_BARS - 1]
    full = max(1.0, float(max(counts.max(), expected[order].max())))
    colors = palette.class_colors(min(len(counts), encode.MAX_COLORS), dark)
    lines = []
    for label in order:
        whole = reading.class_name(int(label))
        color = "var(--cx-muted)" if plain else colors[label % encode.MAX_COLORS]
        lines.append(
            f'<div class="cx-share" title="{escape(whole)}: {counts[label]:,} picks, '
            f'{expected[label]:,.1f} by its share">'
            f'<i style="background:{color}"></i><span>{cut(whole, NARROW)}</span>'
            f'<u><s style="width:{100 * counts[label] / full:.1f}%;background:{color}"></s>'
            f'<em style="left:{100 * expected[label] / full:.1f}%"></em></u><b>{counts[label]:,}</b></div>'
        )
    rest = np.setdiff1d(np.arange(len(counts)), order)
    more = ""
    if len(rest):
        low, high = int(counts[rest].min()), int(counts[rest].max())
        more = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        more = f'<div class="cx-note">and {len(rest):,} more classes with {more} each</div>'
    return f'<div class="cx-h">Selected per class</div><div class="cx-shares">{"".join(lines)}</div>{more}'


def weights(reading: Reading, color_by: str, dark: bool, fixed: bool = False) -> str:
    """How the weights are spread, over the sizes that dots of such weights have; and the key of the color.

    `fixed` says that dots keep the size of their weight at the largest budget.
    """
    ramp = ""
    if color_by == "rank":
        steps = "".join(
            f'<i style="background:{_css(encode.rank_color(t / 9, dark))}"></i>' for t in range(10)
        )
        ramp = f'<div class="cx-ramp"><span>first</span>{steps}<span>last</span></div>'
    if reading.weights is None:
        return f'{ramp}<div class="cx-h">Weights</div><div class="cx-note">This selection states none.</div>'
    size = np.abs(reading.weights)
    mean = float(size.mean()) if len(size) else 0.0
    if mean == 0 or np.allclose(size, mean, rtol=1e-6):
        said = f"Every pick counts for {short(mean)} {reading.pictures.word}."
        return f'{ramp}<div class="cx-h">Weights</div><div class="cx-note">{said}</div>'
    negative = int((reading.weights < 0).sum())
    note = f'<div class="cx-note">{negative:,} are negative; size is their amount.</div>' if negative else ""
    if fixed and reading.j < len(reading.run.at) - 1:
        last = len(reading.run.at[-1])
        note += f'<div class="cx-note">Dots keep the size of their weight at {reading.many(last)}.</div>'
    return f'{ramp}<div class="cx-h">Size: weight</div>{_spread(size / mean, mean, reading.k, color_by, dark)}{note}'


def card(reading: Reading, row: int) -> str:
    """The point under the mouse: picture or values, label, rank, weight."""
    if row < 0:
        return (
            '<div class="cx-h">Point</div><div class="cx-point"><div class="cx-thumb"></div>'
            '<div class="cx-note">Hover a point to see it.<br>Click to see what it represents.</div></div>'
        )
    label = cut(reading.heading(row), NAME)
    weight = reading.weight(row)
    said = f"<b>{label}</b>{_predicted(reading, row)}<br>" if label else ""  # the head says what it is
    said += reading.standing(row)
    said += "" if weight is None else f"<br>Weight <b>{short(weight)}</b>"
    return point_html(reading.pictures, row, said, reading.cell(row).alt)


def _predicted(reading: Reading, row: int) -> str:
    """What the model says of the row, marked where that is not its label."""
    guess = reading.predicted(row)
    if guess is None:
        return ""
    off = reading.labels is not None and guess[0] != int(reading.labels[row])
    name = cut(said_class(reading.class_name(guess[0])), NAME)
    return f"<br><span{' class=cx-off' if off else ''}>{'≠ ' if off else ''}Predicted {name}, {sure(guess[1])}</span>"


def caption(reading: Reading, shown_in: str, grey: bool = True) -> str:
    """How many of what were chosen, by what, in which space, and in which they are shown.

    `grey`: whether what is not selected is grey, since the colors are of the picks alone.
    """
    result, info = reading.result, reading.selection.info
    name = brief_name(getattr(result.data, "name", "") or result.pool.info.get("name", ""))
    of = "" if name in NAMELESS else f" of {name}"
    what = f"{reading.k:,} of {reading.many(reading.n)}{of}"
    space, seed = space_of(info), info.get("seed")
    how = (
        f"chosen by {reading.name}{f' in {space}' if space else ''}{'' if seed is None else f', seed {seed}'}"
    )
    if info.get("own"):
        whole = len(reading.run.selection)
        how = f"{f'that come first of the {whole:,} ' if whole > reading.k else ''}in {reading.name}"
    said = f"{what} {how}; shown in {shown_in}."
    rest = "Grey is not selected" if grey else "Small is not selected"
    parts = [escape(said), f"{rest}." if reading.weights is None else f"{rest}; size is weight."]
    if reading.labels is not None:
        without = [cut(said_class(reading.class_name(c))) for c in np.flatnonzero(reading.counts() == 0)]
        parts += [f"No pick in {listed(without)}."] if without else []
    parts += map(escape, told(reading.selection, reading.result.pool))
    if not reading.run.nested:
        parts.append("Each budget was selected anew.")
    return f'<div class="cx-caption">{" ".join(parts)}</div>'


def _spread(ratio: np.ndarray, mean: float, k: int, color_by: str, dark: bool) -> str:
    counts, _ = np.histogram(
        np.clip(np.log2(np.maximum(ratio, 1e-9)), -3.49, 2.49), bins=24, range=(-3.5, 2.5)
    )
    tall = counts / counts.max()
    drawn = "".join(
        f'<rect x="{i * 9.5 + 1:.1f}" y="{34 - 32 * t:.1f}" width="7.5" height="{32 * t + 0.4:.1f}"/>'
        for i, t in enumerate(tall)
        if t
    )
    dots = ""
    for q, wide in enumerate(encode.diameters(k)):
        x, at = (q + 0.5) * 38, short(encode.RATIOS[q] * mean)
        color = f' style="fill:{_css(encode.weight_color(q, dark))}"' if color_by == "weight" else ""
        dots += f'<circle cx="{x}" cy="47" r="{wide / 2:.1f}"{color}/><text x="{x}" y="68">{at}</text>'
    said = f"Weights from {short(ratio.min() * mean)} to {short(ratio.max() * mean)}"
    head = f'<svg class="cx-spread" viewBox="0 0 228 70" role="img" aria-label="{said}"><title>{said}</title>'
    return f"{head}{drawn}{dots}</svg>"


def _number(value: str, title: str, under: str, about: str) -> str:
    words = f'<span class="cx-under-num">{title}<br>{under}</span>'
    return f'<div title="{escape(about)}"><span class="cx-num">{value}</span>{words}</div>'


def _css(color: list[float]) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in color[:3])
