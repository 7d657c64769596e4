"""Steps of SGD, SVRG and SAGA for linear models on weighted rows: one loop, which differ in what it remembers.

Rows are x (n, d) with the number y of their class; coefficients are (c, d), one line a class, or (1, d) for two.
"""

from __future__ import annotations

import numpy as np

from coreset_explore.compiled.loop import compiled

SIGMOID, SOFTMAX, HINGE = (
    0,
    1,
    2,
)  # logistic loss of two classes, of more, and the squared hinge, each class apart


@compiled
def slopes(loss, y, weight, scores, out):
    """out_c = weight · ∂ℓ/∂score_c of a row of class y; one score is class 1's against class 0."""
    if loss == SOFTMAX:
        top, total = scores[0], 0.0
        for c in range(scores.size):
            top = max(top, scores[c])
        for c in range(scores.size):
            out[c] = np.exp(scores[c] - top)
            total += out[c]
        for c in range(scores.size):
            out[c] *= weight / total
        out[y] -= weight
        return
    for c in range(scores.size):
        sign = 1.0 if y == (c if scores.size > 1 else 1) else -1.0
        if loss == SIGMOID:
            out[c] = -sign * weight / (1.0 + np.exp(sign * scores[c]))
        else:
            out[c] = -2.0 * sign * weight * max(0.0, 1.0 - sign * scores[c])


@compiled
def score(coefficients, row, out):
    """out_c = ⟨coefficients_c, row⟩."""
    for c in range(out.size):
        line, total = coefficients[c], 0.0
        for j in range(row.size):
            total += line[j] * row[j]
        out[c] = total


@compiled
def remember(loss, x, y, weights, rows, coefficients, memory, mean):
    """memory_i (n, c) as it is at these coefficients for the given rows, and mean += Σ memory_i ⊗ x_i / n."""
    scores = np.empty(coefficients.shape[0])
    for i in rows:
        row = x[i]
        score(coefficients, row, scores)
        slopes(loss, y[i], weights[i], scores, memory[i])
        for c in range(scores.size):
            line, share = mean[c], memory[i, c] / x.shape[0]
            for j in range(row.size):
                line[j] += share * row[j]


@compiled
def descend(loss, learns, x, y, weights, rows, coefficients, rate, ridge, memory, mean):
    """A step a row along (s_i − memory_i) ⊗ x_i + mean + ridge·W, whose mean over rows is the gradient.

    Where nothing is remembered this is SGD; with the memory of an anchor, kept as it is, SVRG; where it `learns` the
    row's slope s_i, and the mean with it, SAGA.
    """
    scores = np.empty(coefficients.shape[0])
    slope = np.empty(coefficients.shape[0])
    for i in rows:
        row = x[i]
        score(coefficients, row, scores)
        slopes(loss, y[i], weights[i], scores, slope)
        for c in range(scores.size):
            line, average, change = coefficients[c], mean[c], slope[c] - memory[i, c]
            for j in range(row.size):
                line[j] -= rate * (change * row[j] + average[j] + ridge * line[j])
            if learns:
                share = change / x.shape[0]
                for j in range(row.size):
                    average[j] += share * row[j]
                memory[i, c] = slope[c]
