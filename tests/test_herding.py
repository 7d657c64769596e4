"""Herding against brute force, its rate, and the sign that others got wrong."""

import pytest
import torch

from coreset_explore import Pool, select
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
