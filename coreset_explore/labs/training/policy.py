"""Policy: any strategy, applied again and again while a model trains, to what the model says of the rows by then.

n rows, k picks, T epochs of k rows, U updates.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coreset_explore.datasets.data import Data, split
from coreset_explore.gradients import Gradients
from coreset_explore.inputs import checks
from coreset_explore.machine.seeds import generator
from coreset_explore.measures import matching
from coreset_explore.pool import Pool
from coreset_explore.recording.extras import EXTRAS
from coreset_explore.recording.forward import PASS, snapshot
from coreset_explore.selecting.answer import budget
from coreset_explore.selecting.strategy import Strategy
from coreset_explore.selection import Selection
from coreset_explore.training.choosing import Choice

KNOWN = ("ids", "y", *PASS, *EXTRAS, "target")  # what a snapshot can hold


@dataclass(frozen=True)
class Policy:
    """What to train on, chosen anew: `cx.fit(model, data, subset=Policy("GRAD-MATCH", 0.05, every=4))`.

    - `strategy`: a method's or paper's name, a Strategy, or a function `fn(pool, k, *, rng)`. `k`: picks, or a share.
    - `every`: R, epochs of k rows between two choices (20 of 300 in the papers); None chooses once.
    - `warm`: κ, the share of all updates that are made on everything first (κTk/n epochs; 1/2 in GRAD-MATCH).
    - `holdout`: share of each class set aside, never trained on, as the target that GLISTER and
      GRAD-MATCH `against="validation"` match. The test set is none.
    - `look`: share of the rows that each choice looks at, drawn anew: a forward pass over fewer.

    The first choice is made after the warm start, before the first update where there is none, so no epoch goes by on
    rows that nobody chose. Refused before anything is trained: strategies that read what only a whole training tells
    (EL2N, AUM), or validation rows where none are held out.

    >>> import coreset_explore as cx
    >>> policy = cx.Policy("GRAD-MATCHPB", 64, every=5, warm=0.5)
    >>> trained = cx.fit("mlp", "digits", policy, epochs=20, show=False)
    >>> [(choice.update, len(choice.rows)) for choice in trained.choices]
    [(20, 64), (30, 64)]
    """

    strategy: Any
    k: int | float
    every: int | None = 5
    warm: float = 0.0
    holdout: float = 0.0
    look: float = 1.0

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "strategy", Strategy.of(self.strategy))
        keep(self, "k", checks.real(self.k, "k"))
        if self.every is not None:
            keep(self, "every", checks.whole(self.every, "every, epochs between two choices,", 1))
        keep(self, "warm", checks.real(self.warm, "warm, the share of updates on everything,", 0, 1))
        keep(self, "holdout", checks.real(self.holdout, "holdout, the share of rows set aside,", 0))
        keep(self, "look", checks.real(self.look, "look, the share of rows looked at,", 0, 1))
        if self.holdout >= 1 or self.look == 0:
            what = f"holdout={self.holdout:g}" if self.holdout >= 1 else "look=0"
            raise ValueError(f"{what} leaves no row to choose from; give a share between 0 and 1")

    def plain(self) -> dict[str, Any]:
        """JSON: what `Policy(**plain)` makes again, except functions and picks of one's own."""
        return {
            "strategy": self.strategy.plain(), "k": self.k, "every": self.every, "warm": self.warm,
            "holdout": self.holdout, "look": self.look,
        }  # fmt: skip

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields of a snapshot that a choice asks for: () where the model need not be asked."""
        if self.strategy.own is not None:
            return ()
        if not self.strategy.declared.declared:  # a function that says nothing of what it reads
            return (*PASS, *(("target",) if self.holdout else ()))
        return self.strategy.reads

    @property
    def asks(self) -> bool:
        """Whether a choice asks the model anything, which takes a forward pass."""
        return _fields(self.reads) != ("y",)

    def refuse(self, data: Data) -> None:
        """ValueError for what no choice could be made from, before a model is trained."""
        name = self.strategy.name
        for field in self.reads:
            if field == "history":
                raise ValueError(
                    f"{name} reads history, which a whole training tells, and a choice during training knows what the "
                    "model says at that moment; select from cx.signals(data) and train on that Selection"
                )
            if field == "target" and not self.holdout:
                raise ValueError(
                    f"{name} reads validation rows, and this policy sets none aside; give Policy(…, holdout=0.1)"
                )
            if field not in KNOWN:
                raise ValueError(
                    f"{name} reads {field}, which no snapshot of a model holds, but only {', '.join(KNOWN)}; take "
                    "another method, or select before training and train on that Selection"
                )

    def start(self, data: Data, seed: int) -> Chooser:
        """Who chooses in one training on this data: refusals, and the rows set aside."""
        self.refuse(data)
        return Chooser(self, data, seed)


class Chooser:
    """A policy at work: the model in, a Choice out, its n-th drawn by the seed and by n alone."""

    before: Selection | None  # the choice made last

    def __init__(self, policy: Policy, data: Data, seed: int):
        self.policy, self.data, self.seed = policy, data, seed
        self.warm, self.every = policy.warm, policy.every
        self.rows, self.held = torch.arange(len(data)), None
        if policy.holdout:
            self.rows, self.held = split(data.y, len(data), policy.holdout, seed)
            if len(self.held) == 0:
                raise ValueError(
                    f"holdout={policy.holdout:g} of {len(data):,} rows sets none aside; take more"
                )
        self.k = budget(policy.k, len(self.rows))
        self.fields = _fields(policy.reads)
        self.number, self.before, self.made = 0, None, 0

    def plain(self) -> Mapping[str, Any]:
        return {**self.policy.plain(), "k": self.k}

    def __call__(self, net: nn.Module, update: int) -> Choice:
        rows, before = self._looked(), self.before
        begun = time.perf_counter()
        pool = snapshot(net, self.data, rows, self.held, self.fields)
        looked = time.perf_counter()
        seed = int(torch.randint(2**31 - 1, (), generator=generator(self.seed, f"choice {self.number}")))
        selection = self.policy.strategy.select(pool, self.k, seed=seed, show=False)
        chosen = time.perf_counter()
        error = stale = None
        if pool.grads is not None:
            target = pool.grads.sum()
            error = apart(pool.grads[selection.indices.to(pool.device)], selection, target, len(pool))
            stale = (
                None if before is None else apart(self._again(net, pool, before), before, target, len(pool))
            )
        self.number, self.before, self.made = self.number + 1, selection, update
        return Choice(update, selection, len(rows), looked - begun, chosen - looked, error, stale)

    def error_now(self, net: nn.Module) -> tuple[float, int] | None:
        """The gradient error that the present choice has by now over all rows, and the update it was made at."""
        if self.before is None:
            return None
        pool = snapshot(net, self.data, self.rows, fields=("grads",))
        now = self._again(net, pool, self.before)
        return apart(now, self.before, pool.need("grads").sum(), len(pool)), self.made

    def _looked(self) -> Tensor:
        """The rows of the data that this choice looks at, in order: a share of them, but k at least."""
        if self.policy.look == 1:
            return self.rows
        many = max(self.k, round(self.policy.look * len(self.rows)))
        rng = generator(self.seed, f"look {self.number}")
        return self.rows[torch.randperm(len(self.rows), generator=rng)[:many].sort().values]

    def _again(self, net: nn.Module, pool: Pool, before: Selection) -> Gradients:
        """The gradients that the choice before has now; asked for where this one does not look at its rows."""
        ids, held = before.ids, pool.ids.cpu()
        assert ids is not None  # `select` gives them
        places = torch.searchsorted(held, ids).clamp_max(len(held) - 1)
        if bool((held[places] == ids).all()):
            return pool.need("grads")[places.to(pool.device)]
        order = ids.argsort()
        return snapshot(net, self.data, ids[order], fields=("grads",)).need("grads")[order.argsort()]


def apart(grads: Gradients, selection: Selection, target: Tensor, n: int) -> float:
    """‖Σ w_i g_i − g‖ / ‖g‖ for picks with these gradients (k, …), g their n rows' sum; n/k each without weights."""
    weights = selection.weights
    if weights is None:
        weights = torch.full((len(selection),), n / max(len(selection), 1), dtype=torch.float64)
    return matching.apart(grads, weights, target)


def _fields(reads: tuple[str, ...]) -> tuple[str, ...]:
    """What to record: what is read, and wherever the model is asked at all the gradients, to measure by."""
    if not any(name in (*PASS, *EXTRAS, "target") for name in reads):
        return ("y",)
    more = ("logits",) if "target" in reads else ()
    return tuple(dict.fromkeys(["grads", *(name for name in reads if name in (*PASS, *EXTRAS)), *more]))
