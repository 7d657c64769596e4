"""Regimes: what a run trains on and when that changes. Data, apart from the papers' methods: a regime selects nothing.

n rows, k picks, T epochs, R epochs between two choices, κ the share of updates on everything, B rows a batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from coreset_explore.experiment.runs import strategies_of
from coreset_explore.inputs import checks
from coreset_explore.labs.keeping import listed
from coreset_explore.labs.training.policy import Policy
from coreset_explore.registry import UnknownMethod
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.training.run import recipe

HOW = ("weights", "temper", "clip")  # arguments of `fit` that a regime may bring
WARM = "-Warm"
BASELINES = (
    "FULL-EARLYSTOP",
    "RANDOM re-drawn",
)  # what choosing anew has to beat, beside every regime that does
WORDS = ("name", "strategy", "again", "every", "warm", "holdout", "look", "blocks", "how", "help")


@dataclass(frozen=True)
class Regime:
    """One way to train: on everything, on everything for as long as a subset would, or on what a strategy chooses.

    - `strategy`: who chooses; None trains on all rows, for all epochs or, if it stops `early`, for the subset's updates
      (`updates` says another number).
    - `again`: chooses anew every `every` epochs (None: the setting's R); if not, once, before the first update.
    - `warm`: κ, the share of updates on everything first. `holdout`: share set aside for strategies that read a target
      (None: the setting's, where it reads one). `look`: share of the rows looked at.
    - `blocks`: the most updates GLISTER makes of the validation gradient, whatever the budget (of each class, where
      it chooses within classes): its `block` follows from it.
    - `how`: arguments for `fit`, of weights, temper and clip.
    """

    name: str
    strategy: Strategy | None = None
    again: bool = False
    every: int | None = None
    warm: float = 0.0
    holdout: float | None = None
    look: float = 1.0
    blocks: int | None = None
    how: Mapping[str, Any] = field(default_factory=dict)
    early: bool = False
    updates: int | None = None
    help: str = ""

    @classmethod
    def of(cls, given: Any) -> Regime:
        """The regime that is meant: by name, with "-Warm" behind it where it starts on everything, as a dictionary of
        a regime's words, or any strategy (its name, a function, a Selection), which is then chosen by anew.

        >>> from coreset_explore.labs.training import Regime
        >>> Regime.of("GRAD-MATCHPB-Warm").warm, Regime.of("Herding").again
        (0.5, True)
        >>> Regime.of({"strategy": "CRAIG", "name": "CRAIG, drawn", "how": {"weights": "drawn"}}).name
        'CRAIG, drawn'
        """
        if isinstance(given, Regime):
            return given
        if isinstance(given, Policy):
            raise ValueError(
                "a policy has a budget of its own, and a grid gives each regime its budgets; pass "
                '{"strategy": …, "every": …, "warm": …}'
            )
        if isinstance(given, str) and given in REGIMES:
            return REGIMES[given]
        if isinstance(given, str) and given.endswith(WARM):
            plain = cls.of(given.removesuffix(WARM))
            if plain.strategy is None or not plain.again:
                raise ValueError(f"{given!r} is no regime: only what chooses anew has a warm start")
            return replace(plain, name=given, warm=0.5)
        if isinstance(given, Mapping) and "strategy" in given:
            return cls._described(given)
        try:
            strategy = strategies_of(given)[0]
        except ValueError:
            if isinstance(given, str):
                raise UnknownMethod(
                    "regime", given, [*REGIMES, *(f"{name}{WARM}" for name in REGIMES)]
                ) from None
            raise
        return cls(strategy.name, strategy, again=strategy.own is None)

    @classmethod
    def _described(cls, words: Mapping[str, Any]) -> Regime:
        if strange := [word for word in words if word not in WORDS]:
            raise ValueError(f"a regime is described by {', '.join(WORDS)}, not {strange[0]!r}")
        inside = words["strategy"]
        found = cls.of(inside) if isinstance(inside, str) else cls.of(Strategy.of(inside))
        if found.strategy is None:
            raise ValueError(f"{found.name} chooses nothing; a regime's strategy is a method, as 'CRAIG'")
        more = {word: value for word, value in words.items() if word != "strategy"}
        if strange := [word for word in more.get("how", {}) if word not in HOW]:
            raise ValueError(
                f"a regime says of fit's arguments {', '.join(HOW)}, not {strange[0]!r}: what all regimes of a "
                "comparison share stands in the setting's recipe"
            )
        recipe(more.get("how"))
        return replace(found, **more)

    @property
    def adaptive(self) -> bool:
        """Whether it chooses by the model it trains: what the baselines stand beside."""
        return self.strategy is not None and (self.again or self.warm > 0) and self.name not in BASELINES

    def policy(self, k: int, classes: int, every: int, holdout: float) -> Policy:
        """For k picks of so many classes, by a setting's R and share to hold out."""
        strategy = self.strategy
        assert strategy is not None  # regimes without one train on everything
        if self.blocks:
            parts = classes if any(name == "per_class" for name, _ in strategy.wrap) else 1
            block = max(1, math.ceil(k / parts / self.blocks))
            strategy = replace(strategy, params={**strategy.params, "block": block})
        held = self.holdout
        if held is None:
            held = holdout if "target" in strategy.reads else 0.0
        again = (self.every or every) if self.again else None
        return Policy(strategy, k, again, self.warm, held, self.look)


def regimes_of(given: Any) -> list[Regime]:
    """What `given` names: one regime or a list of them, and beside those that choose anew the baselines."""
    found = asked_for(given)
    return [*found, *beside(found)]


def beside(found: Sequence[Regime]) -> list[Regime]:
    """The baselines that stand beside these by themselves."""
    names = {regime.name for regime in found}
    if not any(regime.adaptive for regime in found):
        return []
    return [REGIMES[name] for name in BASELINES if name not in names]


def asked_for(given: Any) -> list[Regime]:
    """What `given` names and nothing beside; ValueError for what is none, and for one name twice."""
    return listed(given, (str, Regime, Strategy, Mapping, Policy), Regime.of, "regime", REGIMES)


def early_stop(seconds: float, rate: float) -> Regime:
    """FULL-EARLYSTOP by the clock: as many updates on everything as fit into a subset run's `seconds`.

    `rate` is updates a second, as recorded on this machine: (updates / train_seconds) of a FULL cell. The number of
    updates is what is run and kept; the clock is read once, so that the run can be repeated.
    """
    updates = max(1, math.floor(checks.real(seconds, "seconds", 0) * checks.real(rate, "rate", 0)))
    said = f"FULL-EARLYSTOP, {seconds:.3g} s at {rate:.3g} updates a second"
    return Regime(said, early=True, updates=updates, help="Everything, for a subset run's seconds.")


def _named(*found: Regime) -> dict[str, Regime]:
    return {regime.name: regime for regime in found}


def _again(name: str, strategy: Any, help: str, **more: Any) -> Regime:
    return Regime(name, Strategy.of(strategy, name=name), again=True, help=help, **more)


# Its Algorithm 2 draws a sample for every pick and knows no classes. The best of all rows are alike, as those of each
# class are, and a model that is trained on them alone may learn nothing.
GLISTER = {"method": "glister", "params": {"optimizer": "stochastic"}}
FASTCORE = {"method": "fastcore", "wrap": ["per_class"], "params": {"bound": "paper", "space": "grads"}}
PLAIN = _named(
    _again("GRAD-MATCH", "GRAD-MATCH", "Weighted gradients that add up to all rows', class by class."),
    _again("GRAD-MATCHPB", "GRAD-MATCHPB", "Whole batches whose gradients add up to all rows'."),
    _again("CRAIG", "CRAIG", "Rows whose gradients stand for the most others, class by class."),
    _again("CRAIGPB", "CRAIGPB", "Whole batches that stand for the most others."),
    _again("GLISTER", GLISTER, "Rows along whose gradients a step lowers the validation loss.", blocks=600),
    # Algorithm 2 trains 20 epochs on everything and 10 x 20 on coresets, each chosen by last-layer gradients. Where all
    # regimes make as many updates, the first are 20 of 220 parts of them.
    _again("FastCore", FASTCORE, "Groups of near gradients; a short start on everything (Algorithm 2).", warm=1 / 11),
    _again("GradSimCore", "GradSimCore", "Rows with the most neighbors in gradient direction, at that moment."),
)  # fmt: skip
REGIMES: dict[str, Regime] = _named(
    Regime("FULL", help="Everything, for all epochs: what the others save from."),
    Regime(
        "FULL-EARLYSTOP", early=True, help="Everything, for a subset run's updates, its rate falling to zero."
    ),
    Regime("RANDOM", Strategy.of("Random"), help="Random rows of each class, the same throughout."),
    Regime("RANDOM re-drawn", Strategy.of("Random"), again=True, help="Random rows of each class, anew."),
    *(
        regime
        for plain in PLAIN.values()
        for regime in (plain, replace(plain, name=f"{plain.name}{WARM}", warm=0.5))
    ),
)
