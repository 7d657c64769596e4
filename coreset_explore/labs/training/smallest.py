"""How few rows are enough: by training at larger and larger budgets, or by the gradients alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from coreset_explore.experiment.report import mean_sd
from coreset_explore.inputs import checks
from coreset_explore.labs.training.reading import frame
from coreset_explore.labs.training.regimes import Regime
from coreset_explore.labs.training.run import run
from coreset_explore.labs.training.setting import Setting
from coreset_explore.measures.matching import gradient_path
from coreset_explore.pool import Pool
from coreset_explore.selecting.strategy import Strategy


def smallest_budget(
    setting: Setting,
    regime: Any,
    *,
    start: float = 0.001,
    factor: float = 10.0,
    tolerance: float = 0.01,
    value: str = "accuracy",
    seeds: int | Sequence[int] = 3,
    store: Any = None,
    show: bool | None = None,
):
    """Budgets from `start`, each `factor` times as many, until `value` changes by at most `tolerance` (FastCore A.0.1).

    Columns: budget, mean, sd, `change` from the budget before, `enough`: whether the budget before was. The last row is
    the first where it was, or all rows. The answer is `smallest` in its `attrs`: the budget, or None.
    """
    import pandas

    factor = checks.real(factor, "factor, from one budget to the next,", 1.1)
    share = checks.real(start, "start, a share of the rows,", 0, 1)
    n, name = len(setting.data), Regime.of(regime).name
    rows: list[dict[str, Any]] = []
    while not rows or not (rows[-1]["enough"] or rows[-1]["budget"] == n):
        size = min(n, max(1, round(share * n)))
        runs = frame(run(setting, regime, budgets=size, seeds=seeds, store=store, show=show))
        mean, sd = mean_sd(runs[runs.regime == name][value].astype(float))
        change = abs(mean - rows[-1]["mean"]) if rows else math.nan
        enough = change <= tolerance
        rows.append({"budget": size, "mean": mean, "sd": sd, "change": change, "enough": enough})
        share *= factor
    found = pandas.DataFrame(rows)
    found.attrs["smallest"] = rows[-2]["budget"] if rows[-1]["enough"] else None
    return found


def smallest_prefix(pool: Pool, strategy: Any, error: float, *, seed: int = 0) -> int | None:
    """The fewest first picks of a nested strategy whose gradient error is at most `error`; None where none has it.

    By halving, since more picks match better as a rule: two dozen measurements, after one selection of all that is
    looked at. Where the error does not fall evenly another prefix may do with fewer.
    """
    found = Strategy.of(strategy)
    if not found.nested:
        raise ValueError(
            f"{found.name} is not nested: its first picks are no answer for fewer; name one that is"
        )
    picks = found.select(pool, len(pool), seed=seed, show=False)
    low, high = 1, len(picks)

    def at(k: int) -> float:
        return gradient_path(pool, picks, [k]).errors[0]

    if at(high) > error:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if at(middle) <= error else (middle + 1, high)
    return high
