"""Uncertainty sampling: three readings of how unsure the model's softmax is (Settles 2009, §3.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from coreset_explore.pool import Pool
from coreset_explore.registry import scorer

PAPER = "Settles 2009, Active Learning Literature Survey"


@scorer(needs="logits", title="Entropy", paper=PAPER)
def entropy(pool: Pool) -> Tensor:
    """Entropy of the softmax, −Σ_c p_c log p_c in nats: 0 when certain, log c when all classes are as likely."""
    return torch.special.entr(_softmax(pool)).sum(1)


@scorer(needs="logits", title="Margin", paper=PAPER + "; Scheffer et al. 2001")
def margin(pool: Pool) -> Tensor:
    """1 − (p₁ − p₂), the two largest probabilities: 1 when two classes are as likely, 0 when certain."""
    p = _softmax(pool)
    if p.shape[1] == 1:
        return torch.zeros(len(p), dtype=p.dtype, device=p.device)
    first, second = p.topk(2, 1).values.unbind(1)
    return 1.0 - (first - second)


@scorer(needs="logits", title="Least confidence", paper=PAPER)
def least_confidence(pool: Pool) -> Tensor:
    """1 − max_c p_c, the largest probability, not the largest logit (which does not rank confidence)."""
    return 1.0 - _softmax(pool).amax(1)


def _softmax(pool: Pool) -> Tensor:
    # float64: in float32 every confident row's probability rounds to one, and all of them tie
    return pool.need("logits").double().softmax(1)
