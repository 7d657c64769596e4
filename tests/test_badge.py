"""BADGE: the law of k-means++, by chi-square against its exact chances; distances against dense gradients."""

from itertools import permutations

import pytest
import torch
import torch.nn.functional as F

from coreset_explore import Dense, LastLayer, Pool, select
from coreset_explore.greedy.kmeanspp import DRAWS, approach, spread
from coreset_explore.methods.badge import predicted
from tests.pools import constant, make


def squared(g: torch.Tensor) -> torch.Tensor:
    """All squared distances, in float64."""
    return (g[:, None].double() - g[None].double()).square().sum(2)


def exact_law(distance: torch.Tensor, k: int) -> dict[tuple[int, ...], float]:
    """The chance of every ordered k-tuple under plain k-means++."""
    law = {}
    for rows in permutations(range(len(distance)), k):
        chance = 1 / len(distance)
        for made in range(1, k):
            nearest = distance[list(rows[:made])].amin(0)
            chance *= float(nearest[rows[made]] / nearest.sum())
        law[rows] = chance
    return law


def test_draws_follow_the_law_of_kmeans_plus_plus():
    """1,500 runs over 6 rows of very different distances: the 32 speculative draws are rejected all the time."""
    from scipy.stats import chi2

    rng = torch.Generator().manual_seed(0)
    g = torch.randn(6, 3, generator=rng) * torch.tensor([0.3, 1.0, 1.0, 2.0, 0.5, 3.0])[:, None]
    vectors, nothing, runs = Dense(g), torch.zeros(0, dtype=torch.int64), 1500
    law = exact_law(squared(g), 3)
    assert sum(law.values()) == pytest.approx(1)
    seen = dict.fromkeys(law, 0)
    for _ in range(runs):
        seen[tuple(spread(vectors, 3, nothing, rng).tolist())] += 1
    rare = [rows for rows in law if law[rows] * runs < 8]  # together one bin, as chi-square wants
    bins = [(seen[rows], law[rows] * runs) for rows in law if rows not in rare]
    bins.append((sum(seen[rows] for rows in rare), sum(law[rows] for rows in rare) * runs))
    statistic = sum((got - wanted) ** 2 / wanted for got, wanted in bins)
    assert len(bins) > 30 and chi2.sf(statistic, len(bins) - 1) > 1e-3


@pytest.mark.parametrize("steps", [1, 3])
def test_distances_are_those_of_dense_gradients(steps):
    grads = make(50, steps=steps).grads
    true = squared(grads.dense())
    nearest = torch.full((50,), torch.inf)
    seen: list[int] = []
    for rows in torch.randperm(50, generator=torch.Generator().manual_seed(1))[:40].split(7):
        approach(grads, grads.squared_norm(), nearest, rows)
        seen += rows.tolist()
        torch.testing.assert_close(nearest.double(), true[seen].amin(0), rtol=1e-4, atol=1e-9)


def test_small_distances_between_long_gradients_do_not_cancel():
    rng = torch.Generator().manual_seed(2)
    g = 1000 + 0.01 * torch.randn(30, 8, generator=rng)
    nearest = torch.full((30,), torch.inf)
    approach(Dense(g), g.square().sum(1), nearest, torch.arange(5))
    torch.testing.assert_close(nearest.double(), squared(g)[:5].amin(0), rtol=1e-3, atol=1e-12)


def test_factored_and_dense_gradients_are_drawn_alike():
    pool = make(200, steps=1)
    dense = pool.add(grads=Dense(pool.grads.dense()))
    for seed in range(5):
        one, two = (select("badge", p, 40, seed=seed).indices.tolist() for p in (pool, dense))
        assert one == two


def test_duplicates_and_zero_gradients_are_left_to_the_end_in_id_order():
    base = make(10, steps=1)
    pool = base[torch.arange(10).repeat_interleave(4)]
    pool = Pool({**pool.fields, "ids": torch.randperm(40, generator=torch.Generator().manual_seed(0))})
    answer = select("badge", pool, 40)
    assert sorted((answer.indices[:10] // 4).tolist()) == list(range(10)), "every gradient once, then again"
    assert answer.ids[10:].tolist() == sorted(answer.ids[10:].tolist())
    nothing = select("badge", constant(0.0), 12)
    assert nothing.ids[1:].tolist() == sorted(nothing.ids[1:].tolist())


def test_spread_out_gradients_are_picked_more_than_a_heap():
    """One far row among 500 near ones: k-means++ takes it nearly always, a random draw rarely."""
    rng = torch.Generator().manual_seed(3)
    g = 0.01 * torch.randn(500, 6, generator=rng)
    g[123] += 5
    pool = Pool.of(grads=Dense(g))
    assert all(123 in select("badge", pool, 5, seed=s).indices for s in range(10))


def test_more_picks_than_a_round_draws():
    pool = make(300, steps=1)
    answer = select("badge", pool, 5 * DRAWS)
    assert len(answer.indices.unique()) == 5 * DRAWS


def test_predicted_labels_are_the_papers_hypothetical_ones():
    rng = torch.Generator().manual_seed(4)
    logits, y = 3 * torch.randn(60, 5, generator=rng), torch.randint(5, (60,), generator=rng)
    logits[7] = torch.tensor([300.0, 0, 0, 0, 0])  # certain, and right or wrong
    logits[8], y[7], y[8] = logits[7], 0, 1
    p, h = logits.softmax(1), torch.randn(60, 4, generator=rng)
    own = LastLayer((p - F.one_hot(y, 5))[None], h[None])
    wanted = LastLayer((p - F.one_hot(logits.argmax(1), 5))[None], h[None])
    torch.testing.assert_close(predicted(own).r, wanted.r, atol=1e-6, rtol=0)
    one = select("badge", Pool.of(grads=own), 20, labels="predicted")
    assert one.indices.tolist() == select("badge", Pool.of(grads=wanted), 20).indices.tolist()
    for grads in (Dense(own.dense()), LastLayer(own.r[:, :, :1], own.h)):
        with pytest.raises(ValueError, match="labels='predicted' reads the residuals of all classes"):
            select("badge", Pool.of(grads=grads), 3, labels="predicted")


def test_gradients_that_are_no_numbers_are_refused():
    grads = make(20, steps=1).grads
    grads.h[0, 4, 1] = torch.nan
    with pytest.raises(ValueError, match="1 rows hold NaN"):
        select("badge", Pool({"ids": torch.arange(20), "grads": grads}), 3)


def test_gradients_in_float64_are_drawn_as_their_float32_copies():
    pool = make(60, steps=1)
    wide = pool.add(grads=LastLayer(pool.grads.r.double(), pool.grads.h.double()))
    for labels in ("own", "predicted"):
        one, two = (select("badge", p, 12, seed=3, labels=labels, show=False) for p in (pool, wide))
        assert one.indices.tolist() == two.indices.tolist()
