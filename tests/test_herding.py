"""Herding against brute force, its rate, and the sign that others got wrong."""

import pytest
import torch

from coreset_explore import Pool, greedy, select
from coreset_explore.compiled import herding as loops
from coreset_explore.gradients import Dense
from tests.pools import make


def by_hand(x: torch.Tensor, k: int, ids: torch.Tensor, given=()) -> list[int]:
    """argmin over rows left of ‖μ − mean of picks and that row‖, in float64."""
    x = x.double()
    mean, held = x.mean(0), list(given)
    rows: list[int] = []
    for _ in range(k):
        left = [i for i in range(len(x)) if i not in rows and i not in held]
        base = x[held + rows].sum(0)
        error = {i: float((mean - (base + x[i]) / (len(held) + len(rows) + 1)).norm()) for i in left}
        rows.append(min(left, key=lambda i: (round(error[i], 9), int(ids[i]))))
    return rows


@pytest.mark.parametrize("given", [(), (4, 9, 17)])
def test_picks_equal_brute_force_in_features(given):
    pool = make(40, d=6)
    answer = select("herding", pool, 25, space="emb", given=given)
    assert answer.indices.tolist() == by_hand(pool.emb, 25, pool.ids, given)


def test_picks_equal_brute_force_in_gradients():
    pool = make(30, steps=2)
    answer = select("herding", pool, 15, space="grads")
    assert answer.indices.tolist() == by_hand(pool.grads.last.dense(), 15, pool.ids)


def plain(x: torch.Tensor, k: int, given=()) -> list[int]:
    """By the definition, one product a pick in float64; the first of rows that are equal but for rounding."""
    x = x.double()
    x = x - x.mean(0)
    half, pull, rows = x.square().sum(1) / 2, x[list(given)].sum(0), []
    half[list(given)] = torch.inf
    for _ in range(k):
        distance = half + x @ pull
        rows.append(int((distance <= distance.min() + 1e-11 * half[half.isfinite()].max()).nonzero()[0]))
        half[rows[-1]], pull = torch.inf, pull + x[rows[-1]]
    return rows


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("kind", ["clusters", "heavy tails", "duplicates", "one entry", "whole numbers"])
@pytest.mark.parametrize("threads", [1, 3])
def test_picks_are_those_of_a_product_a_pick(monkeypatch, compiled, kind, threads):
    """Also where bytes say little: rows of one huge entry among small ones, equal rows, whole numbers with ties."""
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    monkeypatch.setattr("coreset_explore.greedy.herding.WORTH", 5000)
    monkeypatch.setattr("coreset_explore.greedy.herding.PIECE", 1000)
    rng = torch.Generator().manual_seed(3)
    x = torch.randn(900, 20, generator=rng) + 3 * torch.randn(6, 20, generator=rng)[torch.arange(900) % 6]
    if kind == "heavy tails":
        x = x.pow(5)
    elif kind == "duplicates":
        x[300:] = x[:300].repeat(2, 1)
    elif kind == "one entry":
        x[torch.arange(900), torch.arange(900) % 20] += 1000
    elif kind == "whole numbers":
        x = x.round().clamp(-1, 1)
    given = [] if threads == 1 else [5, 600]
    found = greedy.herd(Dense(x), 150, torch.tensor(given, dtype=torch.int64), compiled=compiled).tolist()
    if compiled or kind == "clusters":
        assert found == plain(x, 150, given)
    else:  # ties may fall otherwise in float32: compare what is reached
        center, want = x.double().mean(0), plain(x, 150, given)
        reached, best = ((x[given + rows].double().mean(0) - center).norm() for rows in (found, want))
        assert reached <= best * 1.5 + 1e-3 * center.norm()


def test_bounds_hold_for_every_row():
    rng = torch.Generator().manual_seed(4)
    x = (torch.randn(400, 33, generator=rng).pow(3) + 50).numpy()
    mean, pull = x.mean(0, dtype="float64"), torch.randn(33, generator=rng).double().numpy() * 9
    q, low = torch.zeros(400, 33, dtype=torch.int8).numpy(), torch.zeros(400).numpy()
    scale, slack, half = (torch.zeros(400).numpy() for _ in range(3))
    loops.pack(x, mean, 0, 400, q, scale, slack, half)
    length = torch.tensor(pull).norm().float().numpy()[()]
    least = loops.bounds(q, scale, slack, half, pull.astype("float32"), length, 0, 400, low)
    centered = x.astype("float64") - mean
    exact = (centered**2).sum(1) / 2 + centered @ pull
    assert (low <= exact).all() and least >= exact.min()
    assert abs(q).max() == 127 and (exact - low).max() < 0.2 * exact.std()


def test_normalized_features_have_length_one_first():
    pool = make(30)
    unit = pool.emb / pool.emb.norm(dim=1, keepdim=True)
    assert select("herding", pool, 12, normalize=True).indices.tolist() == by_hand(unit, 12, pool.ids)
    with pytest.raises(ValueError, match="normalize scales features"):
        select("herding", pool, 12, space="grads", normalize=True)


def test_a_large_offset_costs_no_digits():
    pool = make(40)
    moved = pool.add(emb=pool.emb + 1000)
    assert select("herding", moved, 10).indices.tolist() == by_hand(moved.emb, 10, pool.ids)


def test_ties_go_to_the_smaller_id():
    x = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    pool = Pool.of(x, ids=[8, 6, 2, 4])
    assert select("herding", pool, 4).ids.tolist() == [2, 4, 6, 8]


def test_the_error_falls_as_one_over_k_and_far_below_randoms():
    """‖μ − mean of k picks‖·k stays bounded for k up to n/10, where random's grows as √k."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 8, generator=rng)
    picks = select("herding", Pool.of(x), 200).indices
    sizes = torch.arange(1, 201)
    error = ((x[picks].cumsum(0) / sizes[:, None]) - x.mean(0)).norm(dim=1)
    spread = x.norm(dim=1).mean()
    assert (error * sizes).max() < 2 * spread, "the error does not fall as 1/k"
    random = torch.stack(
        [(x[torch.randperm(2000, generator=rng)[:200]].mean(0) - x.mean(0)).norm() for _ in range(20)]
    )
    assert error[-1] < random.min() / 5
    assert error[0] == (x - x.mean(0)).norm(dim=1).min(), "the first pick is the row nearest to the mean"
