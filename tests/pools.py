"""Small pools that hold every field a method can ask for."""

from __future__ import annotations

import torch

from coreset_explore import History, LastLayer, Pool, Selection


def make(
    n: int = 60, d: int = 5, c: int = 3, steps: int = 2, epochs: int = 6, seed: int = 0, target: bool = True
) -> Pool:
    """Clustered features, a noisy linear model's logits, factored gradients at `steps` scales, a made-up history."""
    rng = torch.Generator().manual_seed(seed)
    centers = 2 * torch.randn(c, d, generator=rng)
    y = torch.arange(n) % c
    y = y[torch.randperm(n, generator=rng)]
    emb = centers[y] + torch.randn(n, d, generator=rng)
    logits = emb @ centers.T + 2 * torch.randn(n, c, generator=rng)
    ids = 7 + 3 * torch.randperm(
        n, generator=rng
    )  # neither sorted nor row numbers, so that mixing them up shows
    grads = gradients(logits, y, emb, steps)
    past = history(n, epochs, rng)
    pool = Pool.of(
        emb, y, ids=ids, logits=logits, grads=grads, history=past, deepfool=torch.rand(n, generator=rng)
    )
    held_out = make(max(4, n // 6) * c, d, c, steps, epochs, seed + 1, target=False) if target else None
    return Pool(pool.fields, tuple("abcdefghijklmnop"[:c]), held_out, {"name": "made up"})


def alike(pool: Pool) -> Pool:
    """The pool with a similarity too: a Gaussian of the features' distance, positive definite."""
    apart = torch.cdist(pool.emb.double(), pool.emb.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return pool.add(similarity=(-2 * apart.square() / pool.emb.shape[1]).exp().float())


def gradients(logits: torch.Tensor, y: torch.Tensor, h: torch.Tensor, steps: int = 1) -> LastLayer:
    """Last-layer gradients of a model that grows surer by the step."""
    hot = torch.nn.functional.one_hot(y, logits.shape[1])
    scales = [1.0 / (steps - t) for t in range(steps)]
    r = torch.stack([(a * logits).softmax(1) - hot for a in scales])
    return LastLayer(r, torch.stack([h * (0.8 + 0.2 * a) for a in scales]))


def history(n: int, epochs: int, rng: torch.Generator) -> History:
    """Random training dynamics; the last fifth of the rows is never learnt."""
    noise = {
        name: torch.rand(n, epochs, generator=rng)
        for name in ("p_true", "logit_margin", "loss", "el2n", "kl")
    }
    correct = torch.rand(n, epochs, generator=rng) < 0.7
    correct[4 * n // 5 :] = False
    return History(correct=correct, **noise)


def constant(value: float, n: int = 12) -> Pool:
    """A pool whose rows are all the same: features `value`, gradients all zero if `value` is."""
    pool = make(n)
    same = torch.zeros(n, dtype=torch.int64)
    made = pool[same]
    grads = LastLayer(made.grads.r * (value != 0), made.grads.h * value)
    fields = {**made.fields, "ids": torch.arange(n), "emb": torch.full_like(made.emb, value), "grads": grads}
    return Pool(fields, pool.classes, pool.target)


def first_k(pool, k, *, rng, given=()):
    """The first k rows left: a method whose answer is easily foretold."""
    rows = [i for i in range(len(pool)) if i not in set(given)][:k]
    return Selection(
        torch.tensor(rows, dtype=torch.int64), torch.full((len(rows),), len(pool) / max(len(rows), 1))
    )


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)
