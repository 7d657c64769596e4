"""Figures hold what they say: the right number of dots, labels and colors, on light and dark, as svg, pdf and png."""

import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from coreset_explore import plots
from coreset_explore.datasets import load
from coreset_explore.experiment import accuracy_curve
from coreset_explore.gradients import LastLayer
from coreset_explore.measures import gradient_path, overlap_matrix
from coreset_explore.plots import palette
from coreset_explore.pool import Pool
from coreset_explore.projection import project
from coreset_explore.selecting.run import select
from coreset_explore.selection import Selection


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 3
    h = torch.randn(200, 6, generator=rng) + y[:, None]
    r = torch.randn(200, 3, generator=rng).softmax(1)
    r[torch.arange(200), y] -= 1
    test = Pool.of(h[:50], y[:50])
    return replace(Pool.of(h, y, classes=("cat", "dog", "owl"), grads=LastLayer(r[None], h[None])), test=test)


@pytest.fixture(scope="module")
def chosen(pool) -> Selection:
    rows = torch.randperm(200, generator=torch.Generator().manual_seed(1))[:30]
    return Selection(rows, torch.linspace(10, 40, 30), info={"method": "by_hand"})


def rendered(figure, kind: str = "png") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind)
    return file.getvalue()


def groups(figure) -> dict:
    """The dots of each named group."""
    axes = figure.axes[0]
    return {c.get_gid(): c for c in axes.collections if c.get_gid()}


def words(figure) -> str:
    figure.draw_without_rendering()
    from matplotlib.text import Text

    return "\n".join(t.get_text() for t in figure.findobj(Text) if t.get_visible())


@pytest.mark.parametrize("dark", [False, True])
def test_a_map_holds_every_row_once(pool, chosen, dark):
    figure = plots.map(project(pool), chosen, pool, title="A title", dark=dark)
    found = groups(figure)
    assert len(found["rest"].get_offsets()) == 170 and len(found["picks"].get_offsets()) == 30
    xy = project(pool).xy
    order = chosen.weights.argsort(descending=True, stable=True)
    drawn = torch.as_tensor(found["picks"].get_offsets().data)
    assert torch.allclose(drawn.float(), xy[chosen.indices[order]])
    from matplotlib.colors import to_hex

    expected = [palette.class_colors(3, dark)[int(c)] for c in pool.y[chosen.indices[order]]]
    assert [to_hex(c) for c in found["picks"].get_facecolors()] == expected
    assert (found["picks"].get_sizes()[:-1] >= found["picks"].get_sizes()[1:]).all()
    assert to_hex(figure.get_facecolor()) == palette.ink("background", dark)
    text = words(figure)
    counts = torch.bincount(pool.y[chosen.indices], minlength=3).tolist()
    assert all(f"{name}: {count}" in text for name, count in zip(pool.classes, counts, strict=True))
    assert "30 of 200 points chosen by by hand" in text and "A title" in text and "×40" in text


def test_areas_follow_the_weights_and_negative_weights_are_rings(pool):
    picks = Selection.of([0, 1, 2, 3], [1.0, 2.0, 4.0, -2.0])
    found = groups(plots.map(project(pool), picks, pool))["picks"]
    sizes = found.get_sizes()
    assert sizes[0] == pytest.approx(2 * sizes[1]) and sizes[1] == pytest.approx(sizes[2])
    assert [
        len(found.get_facecolors()[i]) == 4 and found.get_facecolors()[i][3] == 0 for i in range(4)
    ].count(True) == 1
    assert "negative" in words(plots.map(project(pool), picks, pool))


def test_a_map_without_labels_weights_or_picks(pool):
    xy = project(pool).xy
    plain = plots.map(xy, Selection.of(range(10)))
    assert len(groups(plain)["picks"].get_offsets()) == 10 and "Area is weight" not in words(plain)
    assert len(groups(plots.map(xy))["rest"].get_offsets()) == 200
    assert rendered(plots.map(xy[:1], Selection.of([0]), pool.y[:1]))
    assert "rank" in words(plots.map(xy, Selection.of(range(10)), color="rank")).lower()


def test_a_map_of_many_classes_names_the_largest(pool):
    y = torch.arange(200) % 50
    text = words(plots.map(project(pool).xy, Selection.of(range(100)), y))
    assert "20 of 50 classes" in text


def test_mistakes_are_answered(pool, chosen):
    xy = project(pool).xy
    with pytest.raises(ValueError, match=r"coordinates \(n, 2\).*got \(200, 3\)"):
        plots.map(torch.zeros(200, 3), chosen)
    with pytest.raises(ValueError, match="NaN or infinite"):
        plots.map(torch.full((200, 2), torch.nan), chosen)
    with pytest.raises(ValueError, match=r"names row \d+, and the map has 10 points"):
        plots.map(xy[:10], chosen)
    with pytest.raises(ValueError, match="one label for each of the 200 points, got 3"):
        plots.map(xy, chosen, [0, 1, 2])
    with pytest.raises(ValueError, match="'class', 'rank' or 'weight', not 'size'"):
        plots.map(xy, chosen, pool, color="size")
    with pytest.raises(ValueError, match="no weights to color by"):
        plots.map(xy, chosen[:5], pool, color="weight")
    with pytest.raises(ValueError, match="no weights to draw"):
        plots.weights(chosen[:5])
    with pytest.raises(ValueError, match="got neither"):
        plots.curves()
    with pytest.raises(ValueError, match=r"\(2, 2\), got \(3, 3\)"):
        plots.overlap(torch.eye(3), ["a", "b"])


def test_compare_counts_four_states(pool):
    a, b = Selection.of(range(50)), Selection.of(range(40, 60))
    figure = plots.compare(project(pool), a, b, ("left", "right"))
    found = {name: len(group.get_offsets()) for name, group in groups(figure).items()}
    assert found == {"neither": 140, "a": 40, "b": 10, "both": 10}
    text = words(figure)
    assert all(
        t in text for t in ("only left: 40", "only right: 10", "both: 10", "neither: 140", "Jaccard 0.167")
    )


def test_curves_draw_means_and_bands(pool):
    budgets = [6, 20, 60]
    picks = {"kcenter": select("kcenter", pool, 60), "Random": select("random", pool, 60)}
    frame = accuracy_curve(pool, {"kcenter": "kcenter", "Random": "random"}, budgets, seeds=3)
    paths = {name: gradient_path(pool, s, budgets) for name, s in picks.items()}
    figure = plots.curves(frame, paths, budget=20)
    errors, accuracies = figure.axes
    assert [line.get_ydata().tolist() for line in errors.lines[:2]] == [
        list(p.errors) for p in paths.values()
    ]
    mean = frame[frame.method == "Random"].groupby("budget").accuracy.mean()
    styles = palette.method_styles(["kcenter", "Random"])
    line = next(line for line in accuracies.lines if line.get_color() == styles["Random"].color)
    assert line.get_ydata().tolist() == pytest.approx(mean.tolist()) and line.get_xdata().tolist() == budgets
    assert len(accuracies.collections) == 1  # k-center draws nothing, so only random has a band
    assert errors.get_xscale() == errors.get_yscale() == accuracies.get_xscale() == "log"
    text = words(figure)
    assert "mean of 3 seeds" in text and "a linear probe on the features, judged by 50 test rows" in text
    assert len(plots.curves(frame).axes) == len(plots.curves(paths=paths).axes) == 1
    assert len(rendered(figure, "pdf")) > 1000


def test_images_show_first_and_last_of_each_class():
    digits = load("digits")
    rows = torch.cat([(digits.y == c).nonzero().flatten()[:20] for c in (0, 1, 2)])
    picks = Selection(rows, torch.full((60,), 3.0), info={"method": "by_hand"})
    figure = plots.images(digits, picks, first=3, last=2)
    shown = figure.axes[0].images
    assert len(shown) == 15
    assert (shown[0].get_array() == digits.thumbnail(int(rows[0]))).all()
    assert (shown[4].get_array() == digits.thumbnail(int(rows[19]))).all()
    text = words(figure)
    assert "20 selected" in text and "First chosen" in text and "×3" in text and "20" in text.split("\n")
    few = plots.images(digits, picks[:4], per="all")
    assert len(few.axes[0].images) == 4 and "Last chosen" not in words(few)


def test_images_by_score_rank_every_row():
    digits = load("digits")
    score = torch.arange(len(digits)).float()
    picks = Selection(torch.tensor([5]), score=score)
    figure = plots.images(digits, picks, order="score", per="all", first=2, last=1)
    shown = [image.get_array() for image in figure.axes[0].images]
    expected = [digits.thumbnail(row) for row in (len(digits) - 1, len(digits) - 2, 0)]
    assert all((a == b).all() for a, b in zip(shown, expected, strict=True)) and "Best" in words(figure)
    with pytest.raises(ValueError, match="does not rank every row"):
        plots.images(digits, picks.of([1]), order="score")
    with pytest.raises(ValueError, match="empty selection"):
        plots.images(digits, Selection.of([]))
    with pytest.raises(ValueError, match="names row 9,999"):
        plots.images(digits, Selection.of([9999]))


def test_a_table_has_no_images():
    table = load(torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), y=torch.arange(40) % 2)
    with pytest.raises(ValueError, match="is a table and has no images"):
        plots.images(table, Selection.of([0]))


def test_weights_say_when_they_are_too_uneven(chosen):
    even = plots.weights(chosen)
    assert "effective size 27 of 30" in words(even) and "diverge" not in words(even)
    assert sum(int(bar.get_height()) for bar in even.axes[0].patches) == 30
    uneven = plots.weights(Selection.of(range(30), [1000.0] + [1.0] * 29))
    assert "so uneven that training may diverge" in words(uneven)


def test_overlap_writes_every_number(pool):
    picks = {"a": Selection.of([0, 1, 2]), "b": Selection.of([2, 3]), "c": Selection.of([9])}
    text = words(plots.overlap(overlap_matrix(picks), list(picks))).split("\n")
    assert text.count("1.00") == 3 and text.count("0.25") == 2 and text.count("0.00") == 4


def test_balance_draws_picks_and_what_is_expected(pool, chosen):
    axes = plots.balance(pool, chosen).axes[0]
    counts = torch.bincount(pool.y[chosen.indices], minlength=3).tolist()
    assert [bar.get_width() for bar in axes.patches] == counts
    expected = (torch.bincount(pool.y, minlength=3) / 200 * 30).tolist()
    assert axes.collections[0].get_offsets()[:, 0].tolist() == pytest.approx(expected)


def test_nothing_is_clipped_and_every_format_is_written(pool, chosen):
    figure = plots.map(project(pool), chosen, replace(pool, classes=("a long name indeed", "dog", "owl")))
    figure.draw_without_rendering()
    whole = figure.bbox
    for box in [legend.get_window_extent() for legend in figure.legends]:
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
    for kind, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
        assert rendered(figure, kind).startswith(start)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_figures_leave_pyplot_alone():
    code = (
        "import sys, torch; from coreset_explore import plots, Selection; "
        "assert 'matplotlib' not in sys.modules; plots.map(torch.rand(9, 2), Selection.of([1]));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_class_colors_are_distinct_and_steady():
    for dark in (False, True):
        hundred = palette.class_colors(100, dark)
        assert len(set(hundred)) == 100 and hundred[:10] == palette.class_colors(10, dark)
        assert palette.class_colors(30, dark) == hundred[:30]


def test_no_class_is_grey():
    """Grey is what is not selected. Oklab's chroma, from its definition, by way of matplotlib's sRGB."""
    for dark in (False, True):
        for color in palette.class_colors(100, dark):
            c = np.array(to_rgb(color))
            c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
            lms = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]]) @ c
            ab = np.array([[1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]) @ np.cbrt(lms)
            assert np.hypot(*ab) > 0.045, color


def test_method_styles_stay_with_their_method():
    names = ["CRAIG", "CRAIG, 2", "k-center", "mine", "Random", "GRAD-MATCH", "yours"]
    styles = palette.method_styles(names)
    assert len({(s.color, s.dash, s.marker) for s in styles.values()}) == len(names)
    assert styles["CRAIG"] == palette.method_styles(["CRAIG"])["CRAIG"]
    assert styles["k-center"] == palette.method_styles(["kcenter"])["kcenter"]
    assert styles["Random"].color == "#6b7280"
    assert len(set(palette.method_styles([f"m{i}" for i in range(40)]).values())) == 40
    assert all(s.dash in palette.MPL_DASH and s.marker in palette.MPL_MARKER for s in styles.values())
