"""What Compare says of two selections: their colors, the overlap, the numbers side by side, the caption."""

from __future__ import annotations

from coreset_explore.experiment.runs import Run
from coreset_explore.measures import NUMBERS
from coreset_explore.plots import palette
from widgets.explorer.curves_figure import accuracies
from widgets.explorer.result import Result
from widgets.explorer.rows import told
from widgets.kit import encode
from widgets.kit.pictures import Pictures

APART = 0.12  # in Oklab: dots nearer in color than this are taken for each other
MEASURES = ("mean_distance", "radius", "gradient_error", "effective_size")  # no seeds, so no side is marked


def inks(result: Result, a: str, b: str, dark: bool) -> tuple[str, str]:
    """The colors of the two methods in every figure, where they can be told apart.

    Grey, which is random's there and on a map not selected, and of two alike the second, give way to what looks least
    like the other one.
    """
    styles = palette.method_styles([*result.runs], dark)
    found = [styles[name].color for name in (a, b)]
    spare = [palette.ink("b", dark), palette.ink("a", dark)]
    for place, other in ((0, 1), (1, 0)):
        if palette.greyish(found[place]) or place and palette.distance(*found) < APART:
            found[place] = max(spare, key=lambda color: palette.distance(color, found[other]))
    return found[0], found[1]


def side_html(result: Result, a: Run, b: Run, j: int, pictures: Pictures, dark: bool = False) -> str:
    """Jaccard, the overlap bar and the table of numbers at the slider's budget; `pictures` knows what rows are."""
    rows_a, rows_b = (run.at[j].indices.numpy() for run in (a, b))
    counts = encode.compare_counts(rows_a, rows_b, result.n)
    union = counts["a"] + counts["b"] + counts["both"]
    jaccard = counts["both"] / union if union else 1.0
    one, two = inks(result, a.strategy.name, b.strategy.name, dark)
    ink = {"a": one, "b": two, "both": palette.ink("both", dark)}
    parts = "".join(
        f'<span style="flex:{counts[n]} 1 0;background:{ink[n]};color:{palette.readable_on(ink[n])}">'
        f"{label if counts[n] > 0.12 * union else ''}</span>"
        for n, label in (
            ("a", f"A {counts['a']:,}"),
            ("both", f"{counts['both']:,}"),
            ("b", f"B {counts['b']:,}"),
        )
        if counts[n]
    )
    keys = "".join(
        f'<span><i style="background:{ink[n]}"></i>{label}</span>'
        for n, label in (("a", "A only"), ("both", "both"), ("b", "B only"))
    )
    spoken = f"only A {counts['a']}, both {counts['both']}, only B {counts['b']}"
    data = " ".join(f"data-{name}={count}" for name, count in counts.items())
    table = "".join(
        f"<tr><th scope=row>{title}</th><td>{one}</td><td>{two}</td></tr>"
        for title, one, two in _numbers(result, a, b, j)
    )
    return (
        f"<div class=cx-h>Overlap at {pictures.many(result.budgets[j])}</div>"
        f"<div class=cx-figures><div><b class=cx-num>{jaccard:.3f}</b><span>Jaccard</span></div>"
        f"<div><b class=cx-num data-both={counts['both']}>{counts['both']:,}</b><span>in both</span></div></div>"
        f'<div class=cx-overlap role=img {data} aria-label="{spoken}">{parts}</div>'
        f"<div class=cx-key>{keys}</div>"
        f"<table class=cx-table><thead><tr><th></th><th scope=col>A</th><th scope=col>B</th></tr></thead>"
        f"<tbody>{table}</tbody></table>"
        f"<p class=cx-note>Distances are between features, over all {pictures.word}.</p>"
    )


def _numbers(result: Result, a: Run, b: Run, j: int) -> list[tuple[str, str, str]]:
    rows = []
    for name in MEASURES:
        values = [run.numbers.get(name, [None] * (j + 1))[j] for run in (a, b)]
        if values != [None, None]:
            rows.append((NUMBERS[name].title, *map(NUMBERS[name].write, values)))
    points = [accuracies(run.strategy.name, run) for run in (a, b)]
    if all(points):
        at = min((row[0] for row in points[0]), key=lambda budget: abs(budget - result.budgets[j]))
        one, two = (next((row for row in rows_ if row[0] == at), None) for rows_ in points)
        if one and two:
            gap = max(one[2], two[2])
            accuracy = NUMBERS["accuracy"]
            marked = [
                f"<b>{accuracy.write(v[1])}</b>" if v[1] - o[1] > gap else accuracy.write(v[1])
                for v, o in ((one, two), (two, one))
            ]
            rows.append((f"{accuracy.title} at {at:,}", *marked))
    rows.append(("Seconds", f"{a.seconds:.2f}", f"{b.seconds:.2f}"))
    return rows


def caption_text(result: Result, a: Run, b: Run, j: int, made: str, pictures: Pictures) -> str:
    """What the map shows, as a sentence."""
    many = f"{result.budgets[j]:,} each of {pictures.many(result.n)}"
    said = [
        f" {side}: {words}" for side, run in (("A", a), ("B", b)) for words in told(run.at[j], result.pool)
    ]
    return f"A: {a.strategy.name}. B: {b.strategy.name}. {many}. Shown in {made}.{''.join(said)}"
