"""Codes and lookup tables: what the map is told must be what the selection says."""

import json

import numpy as np
import pytest

from coreset_explore.plots import palette
from widgets.kit import encode


def picks_of(n=400, budgets=(10, 20, 45, 90), seed=0):
    order = np.random.default_rng(seed).permutation(n)
    return [order[:k] for k in budgets]


def looked_up(codes, table):
    """Color, size and opacity of every point, as the shader finds them."""
    column = {"valueA": codes[:, 0].astype(int), "valueB": codes[:, 1].astype(int)}
    color = np.array(table.color)[column[table.color_by]]
    return color, np.array(table.size)[column[table.by]], np.array(table.opacity)[column[table.by]]


@pytest.mark.parametrize("by", ["class", "rank", "weight"])
@pytest.mark.parametrize("dark", [False, True])
def test_points_that_stand_out_are_the_first_k_at_every_budget(by, dark):
    n, picks = 400, picks_of()
    labels = np.arange(n) % 7
    weights = [np.random.default_rng(b).gamma(1.0, size=len(p)) for b, p in enumerate(picks)]
    found = encode.bins(picks, n)
    codes = encode.codes(labels, found, encode.point_classes(picks, weights, n, 1), len(picks))
    for j, rows in enumerate(picks):
        table = encode.tables(j, len(picks), 7, n, len(rows), by, dark, tick=j)
        color, size, opacity = looked_up(codes, table)
        assert set(np.flatnonzero(opacity > 0.9)) == set(rows)
        assert set(np.flatnonzero(size > encode.rest_diameter(n))) == set(rows)
        grey = np.all(np.isclose(color, encode.rgba(palette.ink("rest", dark))), axis=1)
        assert set(np.flatnonzero(~grey)) == set(rows)
        if by == "class":
            wanted = [encode.rgba(c) for c in palette.class_colors(7, dark)]
            assert np.allclose(color[rows], np.array(wanted)[labels[rows]])


def test_points_of_a_method_without_prefixes_change_by_membership():
    n, picks = 100, [np.array([1, 2, 3]), np.array([4, 5, 6, 7])]
    codes = encode.codes(None, encode.member(picks[1], n, 2), np.zeros(n, int), 2)
    _, _, opacity = looked_up(codes, encode.tables(1, 2, 1, 9, 4))
    assert set(np.flatnonzero(opacity > 0.9)) == {4, 5, 6, 7}


def test_every_table_holds_a_value_that_the_last_one_lacked():
    """regl-scatterplot drops a list whose set of values it holds: then the map lags a step behind, silently."""
    made = [
        encode.tables(j % 4, 4, 10, 900, 50, tick=t) for t, j in enumerate([0, 1, 2, 3, 2, 1, 0, 0, 3] * 120)
    ]
    both = [encode.compare_tables(j % 4, 4, 900, 50, tick=t) for t, j in enumerate([0, 1, 0, 2, 3])]
    for tables in (made, both):
        for one, other in zip(tables, tables[1:]):
            assert set(one.size) != set(other.size)
            assert set(one.opacity) != set(other.opacity)
        assert max(max(t.opacity) for t in tables) <= 1


def test_a_move_is_under_64_kB_even_with_a_hundred_classes():
    table = encode.tables(12, 20, 5000, 60_000, 800)
    assert len(table.color) == encode.MAX_COLORS * 21
    sent = {"color": table.color, "size": table.size, "opacity": table.opacity}
    assert len(json.dumps(sent).encode()) < 64_000


def test_colors_are_lists_of_floats():
    """Hex strings make jupyter-scatter throw, and the map is silently empty."""
    for table in (encode.tables(1, 3, 4, 90, 9), encode.compare_tables(1, 3, 90, 9)):
        for color in table.color:
            assert isinstance(color, list) and len(color) == 4
            assert all(isinstance(c, float) and 0 <= c <= 1 for c in color)
    for color in encode.theme(True):
        assert isinstance(color, list) and len(color) == 4


def test_weight_classes_are_doublings_of_the_mean():
    assert encode.weight_classes(None, 5).tolist() == [3] * 5
    assert encode.weight_classes(np.full(4, 17.0), 4).tolist() == [3] * 4
    assert encode.weight_classes(np.zeros(3), 3).tolist() == [3] * 3
    weights = np.array([1.0, 2.0, 4.0, 8.0, -8.0])
    found = encode.weight_classes(weights, 5)
    assert found.tolist() == encode.weight_classes(weights * 1000, 5).tolist()
    assert np.all(np.diff(found[:4]) == 1) and found[4] == found[3]
    assert found.min() >= 0 and found.max() < encode.Q


def test_weight_classes_of_a_budget_hold_at_that_budget_and_else_at_the_first_that_has_the_row():
    picks = [np.array([0, 1]), np.array([0, 1, 2, 3])]
    weights = [np.array([1.0, 9.0]), np.array([9.0, 1.0, 1.0, 1.0])]
    small, large = (encode.point_classes(picks, weights, 5, j) for j in (0, 1))
    assert small[:2].tolist() == encode.weight_classes(weights[0], 2).tolist()
    assert small[2:4].tolist() == encode.weight_classes(weights[1], 4)[2:].tolist()
    assert large[:4].tolist() == encode.weight_classes(weights[1], 4).tolist()


def test_first_picks_are_drawn_last():
    picks = picks_of()
    drawn = encode.order(encode.bins(picks, 400))
    assert sorted(drawn.tolist()) == list(range(400))
    assert set(drawn[-10:]) == set(picks[0]) and set(drawn[-90:]) == set(picks[-1])


def test_four_states_equal_set_algebra_at_every_budget():
    n, a, b = 400, picks_of(seed=1), picks_of(seed=2)
    codes = encode.compare_codes(encode.bins(a, n), encode.bins(b, n), 4)
    for j in range(4):
        state = encode.compare_states(j, 4)[codes[:, 0].astype(int)]
        one, two = set(a[j]), set(b[j])
        wanted = {0: set(range(n)) - one - two, 1: one - two, 2: two - one, 3: one & two}
        assert {s: set(np.flatnonzero(state == s)) for s in range(4)} == wanted
        counts = encode.compare_counts(a[j], b[j], n)
        assert counts == {
            "a": len(wanted[1]),
            "b": len(wanted[2]),
            "both": len(wanted[3]),
            "neither": len(wanted[0]),
        }
        table = encode.compare_tables(j, 4, 40, len(a[j]))
        size = np.array(table.size)[codes[:, 0].astype(int)]
        if wanted[1] and wanted[3]:
            assert size[sorted(wanted[3])].min() > 1.2 * size[sorted(wanted[1])].max()


def test_codes_are_whole_numbers_in_float32_at_the_largest_size():
    """Anything else and the shader takes them for a continuous scale."""
    labels = np.full(10, 99)
    codes = encode.codes(labels, np.full(10, 20), np.full(10, 5), 20)
    assert codes.dtype == np.float32 and np.all(codes == np.round(codes))
    assert codes.max() < 2**24


def test_square_keeps_shape_and_fits():
    xy = np.random.default_rng(0).normal(size=(50, 2)) * [100.0, 1.0]
    placed = encode.square(xy)
    assert np.abs(placed).max() <= 0.941
    scale = np.ptp(placed[:, 0]) / np.ptp(xy[:, 0])
    assert np.allclose(np.ptp(placed[:, 1]), scale * np.ptp(xy[:, 1]), rtol=1e-4)
    assert encode.square(np.ones((3, 2))).tolist() == [[0, 0]] * 3


def test_area_grows_with_weight():
    wide = encode.diameters(300)
    assert np.all(np.diff(wide) >= 0) and np.all(np.diff(wide[2:5]) > 0) and wide.max() <= 18
    assert wide[4] / wide[3] == pytest.approx(2**0.5)


def test_the_lightest_pick_is_larger_than_any_grey_point():
    assert min(encode.diameters(k).min() for k in (1, 72, 20_000)) > 1.2 * encode.rest_diameter(10)
    assert encode.rest_diameter(100_000) < encode.rest_diameter(1000)
