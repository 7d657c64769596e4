"""A linear probe: multinomial logistic regression on a pool's features, trained on the picks alone, in a blink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from coreset_explore.datasets.data import split
from coreset_explore.gradients import residuals
from coreset_explore.machine.seeds import generator
from coreset_explore.machine.threads import limited
from coreset_explore.pool import Pool
from coreset_explore.progress import check, track
from coreset_explore.selection import Selection

RIDGE = 1e-3  # λ, beside a mean loss
HELD = 0.2  # of each class, where a pool has no test rows


class Probe(NamedTuple):
    """Accuracy (0 to 1, NaN where nothing is there to judge on), what judged it, rows trained on, and a remark."""

    accuracy: float
    judged: str
    n: int
    note: str = ""


def unfair(pool: Pool) -> str:
    """Why rows of this pool cannot judge, or nothing: a network that was trained on them knows their labels by heart.

    Features of one's own, and those of a linear model, which are the inputs, know nothing of the labels.
    """
    model, epochs = pool.info.get("model"), pool.info.get("epochs", 0)
    if pool.test is not None or not epochs or model in (None, "logistic"):
        return ""
    return (
        f"no test rows: the features are those of {model}, trained for {epochs:,} epochs on the very rows that would "
        "judge; set some aside before recording, signals(load(data, test=0.2)), or use a Pool that has test rows"
    )


@dataclass(frozen=True)
class Bench:
    """A pool's features and the rows that judge: made once, then asked about many selections."""

    x: Tensor  # (n, d) float32, as they are
    y: Tensor  # (n,)
    mean: Tensor  # (d,), and what makes each feature's standard deviation 1
    scale: Tensor
    free: Tensor  # (n,) bool: may be trained on
    x_judge: Tensor  # standardized
    y_judge: Tensor
    judged: str

    @classmethod
    def of(cls, pool: Pool, holdout: float = HELD, seed: int = 0) -> Bench:
        """Judged by `pool.test`, or where there is none by a stratified share of the pool, drawn by seed."""
        x, y = pool.need("emb").detach().cpu().float(), pool.need("y").cpu()
        variance, mean = torch.var_mean(x, 0, correction=0)
        spread = variance.sqrt()
        scale = torch.where(
            spread > 1e-6 * mean.abs().clamp_min(1e-6), 1 / spread, 0.0
        )  # a constant says nothing
        free = torch.ones(len(x), dtype=torch.bool)
        test = pool.test
        if test is not None and test.emb is not None and test.y is not None:
            x_judge, y_judge = test.emb.detach().cpu().float(), test.y.cpu()
            judged = f"{len(test):,} test rows"
        else:
            if why := unfair(pool):
                raise ValueError(why)
            # not `seed` itself: a random selection by the same seed would draw the very rows that judge
            own = int(torch.randint(2**31, (1,), generator=generator(seed, "probe")))
            _, held = split(y, len(y), holdout, own)
            free[held] = False
            x_judge, y_judge, judged = x[held], y[held], f"{len(held):,} held-out rows of the pool"
        return cls(x, y, mean, scale, free, (x_judge - mean) * scale, y_judge, judged)

    def probe(self, selection: Selection, ridge: float = RIDGE) -> Probe:
        """Train on the picks that do not judge, with their weights, and judge."""
        rows = selection.indices
        usable = self.free[rows]
        weights = torch.ones(len(rows)) if selection.weights is None else selection.weights
        notes = []
        if left := int((~usable).sum()):
            notes.append(f"{left:,} picks among the held-out rows are not trained on")
        if below := int((weights[usable] < 0).sum()):
            notes.append(f"{below:,} negative weights count as 0")
        rows, weights = rows[usable], weights[usable].double().clamp_min(0)
        if len(rows) and not weights.any():
            weights = torch.ones(len(rows), dtype=torch.float64)
            notes.append("no weight is above 0, so all count equally")
        kept = weights > 0
        rows, weights = rows[kept], weights[kept]
        if len(rows) == 0 or len(self.y_judge) == 0:
            return Probe(
                float("nan"), self.judged, len(rows), "; ".join([*notes, "nothing to train or judge on"])
            )
        present, codes = torch.unique(self.y[rows], return_inverse=True)
        answer = torch.zeros(len(self.x_judge), dtype=torch.int64)
        if len(present) > 1:
            coefficients, intercept = logistic((self.x[rows] - self.mean) * self.scale, codes, weights, ridge)
            answer = (self.x_judge @ coefficients.T + intercept).argmax(1)
        accuracy = float((present[answer] == self.y_judge).double().mean())
        return Probe(accuracy, self.judged, len(rows), "; ".join(notes))


def probe(
    pool: Pool, selection: Selection, *, ridge: float = RIDGE, holdout: float = HELD, seed: int = 0
) -> Probe:
    """Accuracy of a linear classifier on the pool's features, trained on the picks with their weights.

    Judged by `pool.test`; where there is none by a `holdout` share of every class of the pool, drawn by
    `seed`, whose picks are then not trained on (`judged` and `note` say so). Classes without a pick are never
    answered. Minimizes Σ w_i ℓ_i / Σ w_i + λ/2 ‖W‖² on features standardized over the pool, so a weight of 2
    is two copies of a row. Deterministic; O(k d c) an iteration, some 50 of them.
    """
    return probes(pool, [selection], ridge=ridge, holdout=holdout, seed=seed)[0]


def probes(
    pool: Pool, selections: Sequence[Selection], *, ridge: float = RIDGE, holdout: float = HELD, seed: int = 0
) -> list[Probe]:
    """`probe` for many selections of one pool, judged by the same rows."""
    bench = Bench.of(pool, holdout, seed)
    return [bench.probe(selection, ridge) for selection in track(selections, "probe")]


def logistic(x: Tensor, y: Tensor, weights: Tensor, ridge: float = RIDGE) -> tuple[Tensor, Tensor]:
    """W (c, d) and b (c,) float32 that minimize Σ w_i CE_i / Σ w_i + ridge/2 ‖W‖², by L-BFGS from zero.

    `y` (k,) holds codes 0..c-1; the intercept is not penalized.
    """
    from scipy.optimize import minimize

    k, d = x.shape
    c = int(y.max()) + 1
    share = (weights / weights.sum()).float()[:, None]
    hot = torch.zeros(k, c).scatter_(1, y[:, None], 1.0)
    x = x.contiguous()

    def value(flat):
        check()
        w = torch.from_numpy(flat).view(c, d + 1)
        scores = x @ w[:, :-1].T.float() + w[:, -1].float()
        logs = scores.log_softmax(1)
        loss = -float((share * hot * logs).sum(dtype=torch.float64))
        residual = share * residuals(scores, y)
        slope = torch.empty_like(w)
        slope[:, :-1] = (residual.T @ x).double() + ridge * w[:, :-1]
        slope[:, -1] = residual.sum(0)
        return loss + ridge / 2 * float(w[:, :-1].square().sum()), slope.flatten().numpy()

    start = torch.zeros(c * (d + 1), dtype=torch.float64).numpy()
    # in float32 a mean loss is known to some 1e-7: a smaller decrease is noise
    options = {"maxiter": 300, "ftol": 1e-7, "gtol": 1e-5}
    with limited(
        1
    ):  # torch's and scipy's threads would wait for each other at every one of these small steps
        found = minimize(value, start, jac=True, method="L-BFGS-B", options=options)
    best = torch.from_numpy(found.x).view(c, d + 1).float()
    return best[:, :-1], best[:, -1]
