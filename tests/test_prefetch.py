"""Rows computed ahead of being asked for: the same rows, and the picks of a greedy that computes each in its turn."""

import pytest
import torch

from coreset_explore import LastLayer, Pool, greedy, select
from coreset_explore.greedy.prefetch import FEW, MOST


@pytest.mark.parametrize("guess", ["right", "wrong", "none left"])
def test_rows_are_those_asked_for_whatever_was_guessed(guess):
    matrix = torch.randn(300, 300, generator=torch.Generator().manual_seed(0)).double()
    computed = []

    def rows(places):
        computed.append(len(places))
        return matrix[places]

    ahead, score = greedy.Ahead(rows), torch.arange(300).double()
    order = range(120) if guess == "wrong" else range(299, 0, -1)
    if guess == "none left":
        score[:] = -torch.inf
    for place in order:
        assert torch.equal(ahead(place, score), matrix[place])
        if guess == "right":
            score[place] = -torch.inf
    assert max(computed) == MOST or guess != "right"
    assert max(computed) == FEW or guess != "wrong"
    assert len(computed) < 10 or guess != "right"


def plain_graph_cut(s: torch.Tensor, k: int, lam: float) -> list[int]:
    score, picks = lam * s.sum(0) - 1, []
    for _ in range(k):
        picks.append(int((score >= score.max() - 1e-9 * score.max().abs()).nonzero()[0]))
        score = score - 2 * s[picks[-1]]
        score[picks] = -torch.inf
    return picks


@pytest.mark.parametrize("lam", [0.0, 0.03, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_graph_cut_picks_as_one_row_at_a_time_in_float64_does(lam, seed):
    x = torch.relu(torch.randn(700, 12, generator=torch.Generator().manual_seed(seed)) + 0.3)
    x[400:450] = x[:50]
    unit = x.double() / x.double().norm(dim=1, keepdim=True)
    s = (0.5 + 0.5 * unit @ unit.T).fill_diagonal_(1.0)
    answer = select("graph_cut", Pool.of(x), 300, space="emb", lam=lam, show=False)
    assert answer.indices.tolist() == plain_graph_cut(s, 300, lam)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_disparity_sum_picks_as_one_row_at_a_time_in_float64_does(offset):
    """An offset under which squares cancel and rows that are nearly equal must not be told apart by rounding."""
    x = torch.randn(600, 5, generator=torch.Generator().manual_seed(1)) + offset
    x[300:350] = x[:50]
    x[350:400] = x[:50] + 1e-3
    wide = x.double()
    apart, picks = torch.zeros(600).double(), []
    for made in range(200):
        if made:
            row = int((apart >= apart.max() - 1e-9 * apart.max().abs()).nonzero()[0])
        else:
            row = int((wide - wide.mean(0)).norm(dim=1).argmax())
        picks.append(row)
        apart += (wide - wide[row]).norm(dim=1)
        apart[picks] = -torch.inf
    assert select("disparity_sum", Pool.of(x), 200, show=False).indices.tolist() == picks


@pytest.mark.parametrize("wrapped", [True, False])
def test_distances_of_near_rows_do_not_cancel(wrapped):
    rng = torch.Generator().manual_seed(2)
    if wrapped:
        r, h = torch.randn(2, 40, 3, generator=rng), torch.randn(2, 40, 4, generator=rng)
        vectors = LastLayer(torch.cat([r, r], 1), torch.cat([h, h * (1 + 1e-6)], 1))
    else:
        x = torch.randn(40, 6, generator=rng)
        vectors = Pool.of(torch.cat([x, x * (1 + 1e-6), x])).vectors("emb")
    dense = (
        vectors.dense().double() if not wrapped else LastLayer(vectors.r.double(), vectors.h.double()).dense()
    )
    true = torch.cdist(dense, dense, compute_mode="donot_use_mm_for_euclid_dist")
    found = greedy.DistanceRows(vectors)(torch.arange(len(dense)))
    assert torch.allclose(found, true, rtol=1e-5, atol=1e-12)
