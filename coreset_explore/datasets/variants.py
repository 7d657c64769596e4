"""Variants the papers test on, each with its ground truth in `data.truth`, drawn by `seed`."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from coreset_explore.datasets.data import Data


def _draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _note(data: Data, text: str) -> str:
    return f"{data.note}; {text}" if data.note else text


def _labels(data: Data, what: str, least: int = 2) -> Tensor:
    if data.y is None or len(data.classes) < least:
        got = "has no labels" if data.y is None else f"has {len(data.classes)} class"
        raise ValueError(f"{what} needs labels of {least} classes or more; {data.name} {got}.")
    return data.y


def _share(fraction: float, what: str) -> None:
    if not 0 <= fraction <= 1:
        raise ValueError(f"{what}: fraction={fraction} is no share of the rows; give a number from 0 to 1.")


def longtail(data: Data, ratio: float = 100.0, seed: int = 0) -> Data:
    """Thin the classes out exponentially: the first keeps its n_0 rows, the last 1/`ratio` of that.

    Class c of C keeps min(its rows, n_max · ratio^(−c/(C−1))) rows, at least one, drawn by `seed`; n_max is
    the largest class. `truth["row"]` is each row's number in the dataset as first loaded.
    Source: Cui et al. 2019, arXiv:1901.05555.
    """
    y = _labels(data, "longtail")
    if not 1 <= ratio < float("inf"):
        raise ValueError(f"longtail: ratio={ratio} must be 1 or more (largest class over smallest).")
    counts = torch.bincount(y, minlength=len(data.classes)).tolist()
    order = torch.randperm(len(y), generator=_draws(seed))
    kept = []
    for c, count in enumerate(counts):
        wanted = max(1, round(max(counts) * ratio ** (-c / (len(counts) - 1))))
        kept.append(order[y[order] == c][: min(count, wanted)])
    rows = torch.cat(kept).sort().values
    thinned = data[rows]
    return replace(
        thinned,
        truth={**thinned.truth, "row": data.truth["row"][rows] if "row" in data.truth else rows},
        note=_note(data, f"long tail {ratio:g}:1"),
    )


def imbalance(data: Data, classes: float = 0.3, cut: float = 0.9, seed: int = 0) -> Data:
    """Take `cut` of the rows away from a share of the `classes`, which `seed` draws, as GRAD-MATCH A.3.2 does.

    round(classes · C) classes, one at least and not all, keep round((1 − cut) · their rows), one at least.
    `truth["row"]` is each row's number in the dataset as first loaded, `truth["is_thinned"]` whether its class was cut.
    """
    y = _labels(data, "imbalance")
    _share(classes, "imbalance")
    _share(cut, "imbalance")
    rng, c = _draws(seed), len(data.classes)
    thinned = torch.randperm(c, generator=rng)[: min(max(1, round(classes * c)), c - 1)]
    keep = torch.ones(len(y), dtype=torch.bool)
    for one in thinned.tolist():
        rows = (y == one).nonzero().flatten()
        rows = rows[torch.randperm(len(rows), generator=rng)]
        keep[rows[max(1, round((1 - cut) * len(rows))) :]] = False
    rows = keep.nonzero().flatten()
    left = data[rows]
    truth = {"row": data.truth["row"][rows] if "row" in data.truth else rows}
    truth["is_thinned"] = torch.isin(y[rows], thinned)
    said = f"{len(thinned)} of {c} classes cut by {cut:.0%}"
    return replace(left, truth={**left.truth, **truth}, note=_note(data, said))


def label_noise(data: Data, fraction: float = 0.2, seed: int = 0) -> Data:
    """Give round(`fraction` · n) rows another label, uniform over the other classes (symmetric noise).

    `truth["true_label"]` int64 (n,) and `truth["is_noisy"]` bool (n,).
    """
    y = _labels(data, "label_noise")
    _share(fraction, "label_noise")
    rng, c = _draws(seed), len(data.classes)
    rows = torch.randperm(len(y), generator=rng)[: round(fraction * len(y))]
    noisy = y.clone()
    noisy[rows] = (y[rows] + torch.randint(1, c, (len(rows),), generator=rng)) % c
    truth = {"true_label": data.truth.get("true_label", y)}
    truth["is_noisy"] = noisy != truth["true_label"]
    return replace(
        data, y=noisy, truth={**data.truth, **truth}, note=_note(data, f"{fraction:.0%} of labels wrong")
    )


def duplicates(data: Data, fraction: float = 0.2, seed: int = 0) -> Data:
    """Append exact copies of round(`fraction` · n) different rows; the first n rows stay as they are.

    `truth["is_duplicate"]` bool and `truth["duplicate_of"]` int64: the row, in the answer, that each row
    copies (itself for an original).
    """
    _share(fraction, "duplicates")
    n = len(data)
    rows = torch.randperm(n, generator=_draws(seed))[: round(fraction * n)]
    every = torch.cat([torch.arange(n), rows])
    more = data[every]
    truth = {"is_duplicate": torch.arange(len(every)) >= n, "duplicate_of": every}
    return replace(
        more, truth={**more.truth, **truth}, note=_note(data, f"{len(rows):,} rows are duplicates")
    )
