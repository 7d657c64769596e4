"""Which pick stands for each row: against float64 differences, at any offset, in several blocks, with duplicates."""

import pytest
import torch

from coreset_explore import LastLayer, Pool, greedy, reweigh, select
from coreset_explore.gradients import Dense
from coreset_explore.greedy import nearest
from coreset_explore.greedy.vectors import middle


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def exact(x, rows):
    """The first of the nearest picks, by differences in float64; a pick is its own."""
    x = x.double()
    found = torch.stack([(x - x[row]).square().sum(1) for row in rows]).argmin(0)
    found[rows] = torch.arange(len(rows))
    return found


@pytest.mark.parametrize("offset", [0.0, 2024.0, 1e4, 1e5, -3e5])
@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_features_of_any_mean(offset, scale):
    """As float32 holds them: what it cannot tell apart at this offset are duplicates, and go to the earlier pick."""
    x = draw(700, 6, seed=1) * scale + offset
    rows = torch.randperm(700, generator=torch.Generator().manual_seed(2))[:80]
    assert torch.equal(greedy.owner(greedy.Distances(Dense(x)), rows), exact(x, rows))


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_one_large_column_among_small_ones(offset):
    x = draw(500, 4, seed=3)
    x[:, 0] = 2020 + torch.arange(500) % 7
    x[:, 1] += offset
    rows = torch.arange(0, 500, 9)
    assert torch.equal(greedy.owner(greedy.Distances(Dense(x)), rows), exact(x, rows))


@pytest.mark.parametrize("mean", [0.0, 300.0])
def test_a_last_layers_gradients_are_settled_in_float64(mean):
    """They cannot be moved: with features of a large mean nearly all is left to float64."""
    r = torch.softmax(draw(1, 300, 3, seed=4), 2) - torch.eye(3)[torch.arange(300) % 3]
    grads = LastLayer(r, draw(1, 300, 5, seed=5) + mean)
    wide = LastLayer(grads.r.double(), grads.h.double()).dense()
    rows = torch.arange(0, 300, 7)
    assert torch.equal(greedy.owner(greedy.Distances(grads), rows), exact(wide, rows))


def test_blocks_and_budgets_change_nothing(monkeypatch):
    x = torch.cat([draw(200, 3, seed=6), draw(200, 3, seed=6), draw(200, 3, seed=7)]) + 500.0
    rows = torch.randperm(600, generator=torch.Generator().manual_seed(8))[:90]
    whole = [exact(x, rows[:b]) for b in (1, 5, 30, 90)]
    monkeypatch.setattr(nearest, "ROWS", 64)
    monkeypatch.setattr(nearest, "WIDTH", 7)
    found = list(greedy.owners(greedy.Distances(Dense(x)), rows, [1, 5, 30, 90]))
    assert all(torch.equal(one, two) for one, two in zip(found, whole, strict=True))


def test_whole_numbers_stay_whole_and_nothing_about_zero_moves():
    x = torch.randint(0, 9, (400, 5), generator=torch.Generator().manual_seed(9)).float() + 1000
    moved = greedy.centered(Dense(x)).g
    assert torch.equal(moved, moved.round()) and moved.abs().max() < 100
    assert torch.equal(moved - moved[:1], x - x[:1])
    small = draw(400, 5, seed=10) * 1e-20
    small[0] = 1.0
    assert greedy.centered(Dense(small)).g is small
    assert middle(torch.full((3, 2), 7.5)).tolist() == [7.5, 7.5]


def test_directions_that_differ_in_the_sixth_digit():
    """Against unit vectors in float64: distances among them to float32's precision, whatever they share."""
    x = (draw(300, 8, seed=11) * 16).round() / 16 + 4000.0
    wide = x.double() / x.double().norm(dim=1, keepdim=True)
    found = greedy.unit(Dense(x)).g.double()
    one, two = (torch.cdist(u, u, compute_mode="donot_use_mm_for_euclid_dist") for u in (found, wide))
    torch.testing.assert_close(one, two, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("method", ["kcenter", "kcenter_robust", "kmeans", "maxherding", "craig"])
@pytest.mark.parametrize("wrap", [(), ["per_class"], [("two_stage", {"factor": 3.0})]])
def test_counts_and_reweigh_agree_with_float64_where_a_column_is_a_year(method, wrap):
    x = torch.cat([draw(240, 4, seed=12), 1900.0 + torch.arange(240)[:, None] % 120], 1)
    pool = Pool.of(x, torch.arange(240) % 2)
    more = {"space": "emb"} if method == "craig" else {"metric": "euclidean"} if method != "kmeans" else {}
    chosen = select(method, pool, 30, wrap=wrap, given=[3, 4] if not wrap else (), show=False, **more)
    wanted = torch.zeros(30, dtype=torch.float64)
    for label in (0, 1) if wrap == ["per_class"] else (None,):
        members = torch.arange(240) if label is None else (pool.y == label).nonzero().flatten()
        place = [i for i, row in enumerate(chosen.indices.tolist()) if row in members]
        local = torch.searchsorted(members, chosen.indices[place])
        wanted[place] = torch.bincount(exact(x[members], local), minlength=len(place)).double()
    assert torch.equal(chosen.weights, wanted)
    assert torch.equal(reweigh(pool, chosen).weights, wanted)
