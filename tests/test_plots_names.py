"""Names in figures, as people have them: dollars, markup, underscores, file names without end. Drawn as they are."""

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from coreset_explore import plots
from coreset_explore.datasets import load
from coreset_explore.experiment import accuracy_curve
from coreset_explore.measures import Path, overlap_matrix
from coreset_explore.plots.base import LARGE, breadth, brief, fitted, folded
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection

PRICES = ("$5-$10", r"$\frac$", r"\$3", "$", "a_b^c")
LONG = "IMG holiday of the year before last, part 2 of 10 (copy) final.final"
HARD = ("_hidden", "<b>bold</b>", "%d {0}", "two\nlines", "")
WIDE = (LONG, LONG.replace("part 2", "part 3"), "W" * 200, "ALL IN CAPITALS " * 9)
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(120, 5)), np.arange(120) % 6
PIXELS = rng.integers(0, 255, (120, 1, 8, 8), dtype=np.uint8)


def figures(names, title=""):
    """Every figure of the library, its classes, selections and data called so."""
    classes = [f"{i}{name}" if name == "" else name for i, name in enumerate(names)]
    classes = [*classes, *(f"class {i}" for i in range(6 - len(classes)))]
    pool, data = Pool.of(X, Y, classes=classes), load(PIXELS, y=Y, classes=classes)
    chosen = {
        name: Selection(
            torch.randperm(120, generator=torch.Generator().manual_seed(i))[:30],
            torch.arange(1.0, 31.0),
            info={"method": name},
        )
        for i, name in enumerate(classes[:4])
    }
    a, b = list(chosen.values())[:2]
    frame = accuracy_curve(pool, chosen, [10, 30], seeds=1, show=False)
    paths = {name: Path((10, 30), (0.5, 0.2), ()) for name in chosen}
    more = {"title": title} if title else {}
    yield plots.balance(pool, a, **more)
    yield plots.weights(a, **more)
    yield plots.map(X[:, :2], a, pool, **more)
    yield plots.compare(X[:, :2], a, b, **more)
    yield plots.overlap(overlap_matrix(list(chosen.values())), list(chosen))
    yield plots.images(data, a, **more)
    yield plots.images(data, a, first=1, last=1, **more)
    yield plots.many_maps(X[:, :2], chosen, pool, **more)
    yield plots.many_images(data, chosen, **more)
    yield plots.many_images(data, chosen, first=2, last=0, **more)
    yield plots.curves(frame, paths, **more)
    yield plots.curves(frame, **more)


def drawn(figure):
    """(words, box in pixels, Text) of every text that is drawn."""
    canvas, seen = FigureCanvasAgg(figure), {}
    draw = Text.draw

    def noted(text, renderer, *args, **kwargs):
        seen[id(text)] = text
        return draw(text, renderer, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", noted)
        canvas.draw()
    texts = [text for text in seen.values() if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(canvas.get_renderer()), text) for text in texts]


@pytest.mark.parametrize("names", [PRICES, HARD], ids=["dollars", "markup"])
def test_names_are_drawn_as_they_are(names):
    for number, figure in enumerate(figures(names, title="for $5 or $10")):
        seen = drawn(figure)  # mathtext would raise for $\frac$, or set what it can in italics
        assert not any(text.get_parse_math() for _, _, text in seen)
        said = "\n".join(words for words, _, _ in seen)
        assert "for $5" in said or "Overlap" in said
        assert number == 1 or [name for name in names[:4] if name and name in said], said  # weights name none


def test_a_dollar_name_has_the_pixels_of_its_letters():
    """Between two dollars mathtext would drop both and lean the rest: the box of the text is that of plain letters."""
    made = plots.balance(Pool.of(X, Y, classes=["$5-$10", *"bcdef"]), Selection.of(range(12)))
    [(_, box, text)] = [one for one in drawn(made) if one[0] == "$5-$10"]
    text.set_text("S5-S10")
    plain = text.get_window_extent()
    assert abs(plain.width - box.width) < 0.1 * box.width


def test_words_that_are_added_later_are_read_as_ever():
    figure = plots.weights(Selection([0, 1], [1.0, 2.0]))
    assert figure.text(0.5, 0.5, "$x^2$").get_parse_math()


def test_a_class_that_begins_with_an_underscore_stays_in_the_legend():
    classes = ["_other", *"bcdef"]
    made = plots.map(X[:, :2], Selection.of(range(12)), Pool.of(X, Y, classes=classes))
    assert [text.get_text() for text in made.legends[0].get_texts()][0] == "_other: 2"


def test_long_names_stay_inside_every_figure_and_leave_room_for_it():
    for number, figure in enumerate(figures(WIDE, title=f"{LONG}, {LONG}, {LONG}")):
        seen, (wide, high) = drawn(figure), figure.bbox.size
        for words, box, _ in seen:
            inside = box.x0 >= -2 and box.y0 >= -2 and box.x1 <= wide + 2 and box.y1 <= high + 2
            assert inside, (number, words[:50], box, wide, high)
        axes = figure.axes[0].get_window_extent()
        assert axes.width > 0.2 * wide and axes.height > 0.2 * high, (number, axes, wide, high)


def test_two_long_names_that_differ_somewhere_in_their_ends_stay_two():
    one, two = brief(LONG), brief(LONG.replace("final.final", "final.draft"))
    assert one != two and len(one) == len(two) == 24
    assert brief("two\n  lines") == "two lines" and brief("short") == "short"
    assert [len(brief("x" * 100, most)) for most in (5, 6, 12)] == [5, 6, 12]


def test_headings_are_folded_where_there_is_no_room_and_keep_their_own_lines():
    assert folded("a b", 5) == "a b" and folded("a\nb", 5) == "a\nb"
    for text in ("W" * 50, "i" * 300, f"{LONG}, {LONG}"):
        for inches in (1.1, 3.0):
            lines = folded(text, inches)
            assert breadth([lines], LARGE, bold=True) <= inches
            assert "".join(lines.split()) == "".join(text.split())
        assert breadth([fitted(text, 1.0)], bold=True) <= 1.0
