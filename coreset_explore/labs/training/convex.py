"""Linear models whose optimum is known: logistic regression and the SVM on weighted rows, as problems to solve.

n rows of d features, k of them trained on, c classes; W (c, d + 1), one line for two classes.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from coreset_explore.datasets import Data
from coreset_explore.inputs import checks
from coreset_explore.machine.threads import limited
from coreset_explore.selection import Selection
from coreset_explore.training.rows import chosen, taught

MODELS = ("logistic", "svm")
RIDGE = 1e-4  # λ, as FastCore trains
Model = Literal["logistic", "svm"]


@dataclass(frozen=True, eq=False)
class Problem:
    """min_W Σ w_i ℓ(W x_i, y_i) / Σ w_i + λ/2 ‖W‖², in float64.

    ℓ is the logistic loss, of two classes or the softmax of more, or for "svm" the squared hinge, each class against
    the rest. x (n, d + 1) ends in a 1, whose coefficient is penalized as the others are. Weights have the mean 1.
    """

    x: np.ndarray
    y: np.ndarray  # (n,) int64
    weights: np.ndarray
    classes: int
    model: Model = "logistic"
    ridge: float = RIDGE

    @property
    def lines(self) -> int:
        return self.classes if self.classes > 2 else 1

    @property
    def kind(self) -> int:
        """The loss as the compiled loop numbers it."""
        return 2 if self.model == "svm" else int(self.lines > 1)

    def on(self, rows: np.ndarray, weights: np.ndarray | None = None) -> Problem:
        """The problem that some of its rows pose, with weights (k,) of their own, or one each."""
        weights = np.ones(len(rows)) if weights is None else weights * (len(rows) / math.fsum(weights))
        return Problem(self.x[rows], self.y[rows], weights, self.classes, self.model, self.ridge)

    def loss(self, w: np.ndarray) -> float:
        """The objective at W. O(n d c)."""
        scores = self.x @ w.T
        if self.kind == 1:
            top = scores.max(1)
            losses = np.log(np.exp(scores - top[:, None]).sum(1)) + top - scores[np.arange(len(top)), self.y]
        else:
            margins = scores * self._signs()
            each = np.logaddexp(0, -margins) if self.kind == 0 else np.maximum(0, 1 - margins) ** 2
            losses = each.sum(1)
        return float(self.weights @ losses / len(losses) + self.ridge / 2 * np.square(w).sum())

    def safe_rate(self) -> float:
        """1/(3L), the step with which SAGA is known to converge (Defazio et al. 2014), L the steepest row's."""
        bend = (0.25, 0.5, 2.0)[self.kind]
        return 1 / (3 * (bend * float((self.weights * np.square(self.x).sum(1)).max()) + self.ridge))

    def optimum(self) -> np.ndarray:
        """W by scikit-learn: Newton's method or L-BFGS for logistic regression; liblinear's for the SVM, then exactly.

        Gradients there are below 1e-7. O(n d²) a line and step.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        # A row of zeros scores 0 whatever W is: it moves nothing, and lets scikit-learn know of classes without a row.
        nothing = np.zeros((self.classes, self.x.shape[1]))
        x, y = np.concatenate([self.x, nothing]), np.concatenate([self.y, np.arange(self.classes)])
        weights = np.concatenate([self.weights, np.full(self.classes, 1e-12)])
        how: dict[str, Any] = {"C": 1 / (self.ridge * len(self.y)), "fit_intercept": False}
        with limited(1):
            if self.model == "svm":
                how |= {"dual": False, "random_state": 0}  # else it draws from numpy's global generator
                machine = LinearSVC(**how)
                with warnings.catch_warnings():  # that it ended early: what it leaves is settled here
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    return self._settled(machine.fit(x, y, sample_weight=weights).coef_)
            # Newton's Hessian is as many numbers as W has, squared
            how |= {"solver": "newton-cholesky" if self.lines * x.shape[1] <= 1000 else "lbfgs"}
            solver = LogisticRegression(**how, tol=1e-10, max_iter=10_000)
            return solver.fit(x, y, sample_weight=weights).coef_

    def _settled(self, w: np.ndarray) -> np.ndarray:
        """A nearly optimal W of the squared hinge made optimal, line by line: Newton's steps, least squares on the
        rows within the margin, halved while they lead up."""
        signs, share = self._signs(), self.weights / len(self.y)
        for c in range(self.lines):
            sign, line = signs[:, c], w[c]

            def value(line: np.ndarray, sign: np.ndarray = sign) -> float:
                gaps = np.maximum(0, 1 - sign * (self.x @ line))
                return float(share @ np.square(gaps) + self.ridge / 2 * line @ line)

            for _ in range(200):
                within = sign * (self.x @ line) < 1
                x, weight = self.x[within], share[within]
                bend = 2 * (x.T * weight) @ x + self.ridge * np.eye(len(line))
                pull = 2 * x.T @ (weight * sign[within])
                if np.abs(bend @ line - pull).max() < 1e-10:
                    break
                move, now = np.linalg.solve(bend, pull) - line, value(line)
                step = next((0.5**i for i in range(40) if value(line + 0.5**i * move) < now), None)
                if step is None:  # as low as rounding lets it
                    break
                line = line + step * move
            w[c] = line
        return w

    def _signs(self) -> np.ndarray:
        """±1 (n, lines): whether a row is of the line's class."""
        own = np.arange(self.classes) if self.lines > 1 else np.array([1])
        return np.where(self.y[:, None] == own, 1.0, -1.0)


@dataclass(frozen=True, eq=False)
class Table:
    """A dataset as a linear model sees it: columns of mean 0 and deviation 1 by the training rows, ending in a 1."""

    data: Data
    whole: Problem
    x_test: np.ndarray | None
    y_test: np.ndarray | None

    @classmethod
    def of(cls, data: Any, model: Model = "logistic", ridge: float = RIDGE) -> Table:
        """`data` is a dataset's name, a Data, or (X, y); pictures are their pixels in a row. n d float64 numbers."""
        data = taught(*data) if isinstance(data, tuple) else taught(data)
        checks.choice(model, "model", MODELS)
        ridge = float(checks.real(ridge, "ridge"))
        if not 0 < ridge < math.inf:
            raise ValueError(
                f"ridge={ridge:g} leaves no one optimum to measure from; give a number above 0, as 1e-4"
            )
        flat = data.x.flatten(1).double()
        spread, mean = torch.std_mean(flat, 0, correction=0)
        scale = torch.where(
            spread > 1e-6 * mean.abs().clamp_min(1e-6), 1 / spread, 0.0
        )  # a constant says nothing

        def seen(x: torch.Tensor) -> np.ndarray:
            return torch.cat([(x - mean) * scale, torch.ones(len(x), 1, dtype=x.dtype)], 1).numpy()

        y = data.y.numpy()
        whole = Problem(seen(flat), y, np.ones(len(y)), len(data.classes), model, ridge)
        if data.x_test is None or data.y_test is None:
            return cls(data, whole, None, None)
        return cls(data, whole, seen(data.x_test.flatten(1).double()), data.y_test.numpy())

    @property
    def features(self) -> torch.Tensor:
        """(n, d) float32, what methods choose by: in a class gradients are as near as features, but for a factor."""
        return torch.from_numpy(self.whole.x[:, :-1]).float()

    def problem(self, subset: Any) -> tuple[np.ndarray, Problem]:
        """The rows that a subset names, by number, and the problem they pose with its weights."""
        own = subset.weights if isinstance(subset, Selection) else None
        if own is not None and (below := int((own < 0).sum())):
            raise ValueError(
                f"{below:,} weights are negative, and a loss with such weights is not convex; select with "
                "non-negative weights (gradmatch(nonnegative=True))"
            )
        rows, weights = chosen(subset, self.data)
        order = rows.argsort(stable=True)
        rows = rows[order]
        return rows.numpy(), self.whole.on(
            rows.numpy(), None if weights is None else weights[order].double().numpy()
        )

    def error(self, w: np.ndarray) -> float:
        """The share of test rows whose class is not told; NaN without test rows."""
        if self.x_test is None:
            return math.nan
        scores = self.x_test @ w.T
        told = scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(int)
        return float((told != self.y_test).mean())
