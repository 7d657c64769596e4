"""Figures of many selections at once: every pick drawn, every name written, nothing clipped."""

from dataclasses import replace

import pytest
import torch
from matplotlib.colors import to_hex

from coreset_explore import plots
from coreset_explore.datasets import load
from coreset_explore.measures import overlap_matrix
from coreset_explore.plots import palette, side_by_side
from coreset_explore.plots.overlaps import NUMBERED, clustered
from coreset_explore.pool import Pool
from coreset_explore.selection import Selection


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(200) % 3
    return Pool.of(torch.randn(200, 2, generator=rng) + y[:, None], y, classes=("cat", "dog", "owl"))


def picks(**rows) -> dict[str, Selection]:
    return {name: Selection.of(list(chosen)) for name, chosen in rows.items()}


def dots(axes) -> dict:
    return {group.get_gid(): group for group in axes.collections if group.get_gid()}


def words(figure) -> str:
    from matplotlib.text import Text

    figure.draw_without_rendering()
    return "\n".join(t.get_text() for t in figure.findobj(Text) if t.get_visible())


def inside(figure) -> None:
    """Every text lies within the page."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    off = [axes for axes in figure.axes if not axes.axison]
    unseen = {t for axes in off for t in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text() and text not in unseen:
            box = text.get_window_extent()
            assert figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1, text.get_text()
            assert figure.bbox.y0 - 1 <= box.y0 and box.y1 <= figure.bbox.y1 + 1, text.get_text()


@pytest.mark.parametrize("dark", [False, True])
def test_many_maps_draw_every_pick_in_its_class_color(pool, dark):
    chosen = picks(first=range(30), second=range(90, 100))
    figure = plots.many_maps(pool.emb, chosen, pool, columns=2, title="A title", dark=dark)
    everything, first, second, empty = figure.axes
    assert len(dots(everything)["rest"].get_offsets()) == 200 and not empty.axison
    for axes, rows in ((first, range(30)), (second, range(90, 100))):
        found = dots(axes)["picks"]
        assert torch.allclose(torch.as_tensor(found.get_offsets().data).float(), pool.emb[list(rows)])
        colors = palette.class_colors(3, dark)
        assert [to_hex(c) for c in found.get_facecolors()] == [colors[int(c)] for c in pool.y[list(rows)]]
    text = words(figure)
    assert all(word in text for word in ("cat", "dog", "owl", "first", "second", "A title"))
    assert "10 to 30 picks a map, of 200 rows." in text
    inside(figure)


def test_many_maps_of_many_rows_draw_some_of_them_in_gray(pool, monkeypatch):
    monkeypatch.setattr(side_by_side, "CROWD", 50)
    figure = plots.many_maps(pool.emb, picks(a=range(30), b=range(30)))
    assert [len(dots(axes)["rest"].get_offsets()) for axes in figure.axes] == [50, 50]
    assert [len(dots(axes)["picks"].get_offsets()) for axes in figure.axes] == [30, 30]
    assert "30 picks a map, of 200 rows; 50 of them drawn in gray." in words(figure).replace("\n", " ")


def test_many_images_show_first_and_last_with_their_class():
    digits = load("digits")
    chosen = picks(**{"a long name": range(40), "short": [5, 4]})
    figure = plots.many_images(digits, chosen, first=3, last=2, title="Picks")
    axes = figure.axes[0]
    expected = [digits.thumbnail(row) for row in (0, 1, 2, 38, 39, 5, 4)]
    shown = [image.get_array() for image in axes.images]
    assert len(shown) == 7 and all((a == b).all() for a, b in zip(shown, expected, strict=True))
    lines = [line for line in axes.lines if line.get_gid() == "class"]
    colors = palette.class_colors(10)
    assert [line.get_color() for line in lines] == [colors[int(digits.y[r])] for r in (0, 1, 2, 38, 39, 5, 4)]
    text = words(figure)
    assert all(word in text for word in ("a long name", "short", "First chosen", "Last chosen", "Picks"))
    inside(figure)
    assert "Last chosen" not in words(plots.many_images(digits, picks(few=range(3)), first=3))
    rows = replace(chosen["short"], ids=torch.tensor([7, 8]))  # ids name the rows of the data
    found = plots.many_images(digits, {"ids": rows}).axes[0].images
    assert (found[0].get_array() == digits.thumbnail(7)).all()


@pytest.mark.parametrize("order", ["given", "clusters"])
def test_a_large_overlap_matrix_is_drawn_without_numbers(order):
    many = {
        f"method {i:02}": Selection.of(range(10 * (i % 2), 10 * (i % 2) + 10)) for i in range(NUMBERED + 2)
    }
    figure = plots.overlap(overlap_matrix(many), list(many), order=order)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert sorted(names) == sorted(many) and names == [t.get_text() for t in axes.get_xticklabels()]
    assert "0.00" not in words(axes.figure).split("\n")
    image = axes.images[0].get_array()
    kinds = [int(name[-2:]) % 2 for name in names]
    assert all(image[i, j] == (kinds[i] == kinds[j]) for i in range(len(names)) for j in range(len(names)))
    if order == "clusters":
        assert sum(a != b for a, b in zip(kinds, kinds[1:], strict=False)) == 1  # the two kinds stand apart
    inside(figure)


def test_clustered_keeps_like_ones_together():
    matrix = torch.eye(4)
    matrix[0, 2] = matrix[2, 0] = matrix[1, 3] = matrix[3, 1] = 0.9
    order = clustered(matrix)
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({0, 2}), frozenset({1, 3})}


def test_mistakes_are_answered(pool):
    table = load(torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), y=torch.arange(40) % 2)
    with pytest.raises(ValueError, match="is a table and has no images"):
        plots.many_images(table, picks(a=[0]))
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.many_images(load("digits"), picks(a=[]))
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.many_maps(pool.emb, {})
    with pytest.raises(ValueError, match=r"names row \d+, and the map has 10 points"):
        plots.many_maps(pool.emb[:10], picks(a=[99]))
    with pytest.raises(ValueError, match="'given' or 'clusters', not 'sorted'"):
        plots.overlap(torch.eye(3), ["a", "b", "c"], order="sorted")
