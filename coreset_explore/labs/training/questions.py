"""What one asks of coresets in training, each answered by a tidy frame; `plots.training` draws each.

Whatever trains takes a setting, budgets, seeds and a store, as `run` does, and goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from coreset_explore.datasets import Data, duplicates, imbalance, label_noise
from coreset_explore.experiment.runs import strategies_of
from coreset_explore.experiment.significance import significance
from coreset_explore.labs.training.convergence import convergence, speedup
from coreset_explore.labs.training.policy import Chooser, Policy
from coreset_explore.labs.training.reading import frame, redundant_points, trade_off
from coreset_explore.labs.training.regimes import HOW, Regime, regimes_of
from coreset_explore.labs.training.run import run
from coreset_explore.labs.training.setting import Setting
from coreset_explore.labs.training.smallest import smallest_budget, smallest_prefix
from coreset_explore.recording.run import signals
from coreset_explore.selecting.answer import budget as counted
from coreset_explore.selecting.combinators import known
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.training.run import fit

__all__ = [
    "VARIANTS", "ablate", "convergence", "gradient_error", "redundant_points", "robustness", "significance",
    "smallest_budget", "smallest_prefix", "speedup", "trade_off", "transfer",
]  # fmt: skip

VARIANTS: dict[str, Callable[[Data, int], Data]] = {
    "as it is": lambda data, seed: data,
    "30 % of classes cut by 90 %": lambda data, seed: imbalance(data, 0.3, 0.9, seed),
    "30 % of classes cut by half": lambda data, seed: imbalance(data, 0.3, 0.5, seed),
    "20 % of labels wrong": lambda data, seed: label_noise(data, 0.2, seed),
    "20 % duplicates": lambda data, seed: duplicates(data, 0.2, seed),
}


def transfer(
    setting: Setting,
    strategies: Any,
    models: Sequence[str],
    *,
    budgets: Any,
    seeds: int | Sequence[int] = 3,
    store: Any = None,
    recording: Mapping[str, Any] | None = None,
    show: bool | None = None,
):
    """Select with one model, train another: accuracy for every two of `models` (GradSimCore, tables 3 and 4).

    A strategy chooses once, from `signals(data, model=, **recording)`, by default five epochs with gradients of each.
    Columns: those of `frame`, and strategy, `selected_by`, `trained`. Cost: a recording a model and seed, and
    m² trainings a strategy, budget and seed.
    """
    import pandas

    recorded = {"epochs": 5, "checkpoints": "each", **(recording or {})}
    seeds = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    chosen_by = strategies_of(strategies)
    held = {"holdout": setting.holdout} if any("target" in s.reads for s in chosen_by) else {}
    sizes = [
        counted(k, len(setting.data)) for k in ([budgets] if isinstance(budgets, int | float) else budgets)
    ]
    found = []
    for seed in seeds:
        for selector in models:
            pool = signals(setting.data, model=selector, seed=seed, show=show, **{**held, **recorded})
            for strategy in chosen_by:
                for size in sizes:
                    picks = strategy.select(pool, size, seed=seed, show=show)
                    own = replace(
                        picks, indices=picks.ids, score=None
                    )  # rows of the data, whatever was held out
                    for trained in models:
                        regime = Regime(strategy.name, Strategy(strategy.name, own=own))
                        ground = replace(setting, model=trained)
                        records = run(ground, regime, budgets=size, seeds=[seed], store=store, show=show)
                        names = {"selected_by": selector, "trained": trained}
                        found.append(frame(records).rename(columns={"regime": "strategy"}).assign(**names))
    return pandas.concat(found, ignore_index=True)


def gradient_error(
    setting: Setting,
    regimes: Any,
    *,
    budget: int | float,
    seeds: int | Sequence[int] = 1,
    show: bool | None = None,
):
    """How far the gradient of what is trained on is from that of all rows, after every epoch (GRAD-MATCH, table 8).

    Columns: regime, budget, seed, update, age (updates since the choice), error: ‖Σ w g − Σ g‖ / ‖Σ g‖ over the rows
    that may be chosen, weights as they were chosen. A forward pass an epoch more than the training; nothing is kept.
    The baselines stand beside, less FULL-EARLYSTOP, whose error is 0.
    """
    import pandas

    rows: list[dict[str, Any]] = []
    size = counted(budget, len(setting.data))
    for regime in regimes_of(regimes):
        if regime.strategy is None:
            continue
        assert setting.every is not None
        policy = regime.policy(size, len(setting.data.classes), setting.every, setting.holdout)
        for seed in range(seeds) if isinstance(seeds, int) else seeds:
            watched = _Watched(policy)

            def look(record, net, name=regime.name, seed=seed, watched=watched) -> None:
                chooser = watched.chooser
                if chooser is not None and (found := chooser.error_now(net)) is not None:
                    error, chosen_at = found
                    told = {"regime": name, "budget": size, "seed": seed, "update": record.updates}
                    rows.append({**told, "age": record.updates - chosen_at, "error": error})

            how: dict[str, Any] = {"epochs": setting.epochs, "test_every": 0, **setting.recipe, **regime.how}
            fit(
                setting.fresh(),
                setting.data,
                watched,
                seed=seed,
                on_epoch=look,
                show=show,
                device=setting.device,
                **how,
            )
    return pandas.DataFrame(rows, columns=["regime", "budget", "seed", "update", "age", "error"])


class _Watched:
    """A policy whose chooser can be asked while it is at work."""

    def __init__(self, policy: Policy):
        self.policy = policy
        self.chooser: Chooser | None = None

    def start(self, data: Data, seed: int) -> Chooser:
        self.chooser = chooser = self.policy.start(data, seed)
        return chooser


def ablate(
    setting: Setting,
    regime: Any,
    vary: Mapping[str, Sequence[Any]],
    *,
    budget: int | float,
    seeds: int | Sequence[int] = 3,
    store: Any = None,
    show: bool | None = None,
):
    """One thing changed at a time: `ablate(setting, "GRAD-MATCHPB", {"every": [1, 20], "ridge": [0, 1]}, budget=600)`.

    `vary` names what is changed: a regime's every, warm, look, holdout or blocks; weights, temper or clip of `fit`; a
    parameter of the method (ridge is λ); or an option of a combinator (size is a batch of per_batch). Columns: those of
    `frame`, and `factor` and `value`; the regime as it is has the factor "as it is".
    """
    base = Regime.of(regime)
    if base.strategy is None:
        raise ValueError(
            f"{base.name} chooses nothing, so there is nothing to vary; name a regime that selects"
        )
    changed = {
        (factor, value): _changed(base, factor, value) for factor, values in vary.items() for value in values
    }
    named = {f"{base.name}, {factor}={value}": (factor, value) for factor, value in changed}
    runs = [base, *(replace(changed[about], name=name) for name, about in named.items())]
    found = frame(run(setting, runs, budgets=budget, seeds=seeds, store=store, show=show))
    named[base.name] = ("as it is", None)
    found = found[found.regime.isin(list(named))].reset_index(drop=True)
    about = [named[name] for name in found.regime]
    return found.assign(factor=[factor for factor, _ in about], value=[value for _, value in about])


def _changed(base: Regime, factor: str, value: Any) -> Regime:
    strategy = base.strategy
    assert strategy is not None
    if factor in HOW:
        return replace(base, how={**base.how, factor: value})
    if factor in {field.name for field in fields(Regime)} - {"name", "strategy", "help", "how"}:
        return replace(base, **{factor: value})
    if factor in strategy.declared.params:
        changed = Strategy.of(strategy, **{factor: value})
        return replace(base, strategy=changed, blocks=None if factor == "block" else base.blocks)
    for place, (name, options) in enumerate(strategy.wrap):
        if factor in known(name):
            wrap = [*strategy.wrap]
            wrap[place] = name, {**options, factor: value}
            return replace(base, strategy=Strategy.of(strategy, wrap=wrap))
    raise ValueError(
        f"{factor!r} is nothing of {base.name}: vary every, warm, look, holdout, {', '.join(HOW)}, or "
        f"{', '.join(strategy.declared.params) or 'no parameter, as it has none'}"
    )


def robustness(
    setting: Setting,
    regimes: Any,
    *,
    budgets: Any,
    seeds: int | Sequence[int] = 3,
    variants: Mapping[str, Callable[[Data, int], Data]] | None = None,
    store: Any = None,
    show: bool | None = None,
):
    """The same comparison on data gone wrong: classes cut, labels wrong, rows doubled (`VARIANTS`); tests stay good.

    Columns: those of `frame`, and `variant`; share_is_noisy is how many of the chosen labels are wrong, by the known
    truth, and so on. Budgets are rows of the data as it is, so that they mean the same in each variant.
    """
    import pandas

    asked = [budgets] if isinstance(budgets, int | float) else list(budgets)
    sizes = [counted(k, len(setting.data)) for k in asked]
    found = []
    for name, make in (VARIANTS if variants is None else variants).items():
        for seed in range(seeds) if isinstance(seeds, int) else seeds:
            ground = replace(setting, data=make(setting.data, seed))
            records = run(ground, regimes, budgets=sizes, seeds=[seed], store=store, show=show)
            found.append(frame(records).assign(variant=name))
    return pandas.concat(found, ignore_index=True)
