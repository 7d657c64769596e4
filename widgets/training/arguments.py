"""What `train` was given, as settings of the Session; ValueError names what is wrong and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coreset_explore.experiment.grid import several
from coreset_explore.inputs import checks
from coreset_explore.labs.training.regimes import asked_for
from coreset_explore.pool import Pool
from coreset_explore.selecting.answer import budget
from coreset_explore.training.rows import taught
from coreset_explore.training.run import recipe as checked_recipe
from widgets.kit.given import model_of, name_of, refuse_unknown
from widgets.kit.typed import checked_path, checked_seeds
from widgets.training.session import Session

REGIMES = ("GRAD-MATCHPB-Warm", "GRAD-MATCHPB", "RANDOM", "FULL")
"""What is trained by where nobody says. FULL comes last: the others are there before what takes longest."""
BUDGETS = (0.05, 0.1, 0.2)
OWN = (
    "model",
    "regimes",
    "budgets",
    "seeds",
    "epochs",
    "every",
    "holdout",
    "recipe",
    "device",
    "store",
    "run",
)


def settle(
    session: Session,
    data: Any,
    y: Any,
    model: Any,
    regimes: Any,
    budgets: Any,
    seeds: Any,
    epochs: Any,
    every: Any,
    holdout: Any,
    recipe: Any,
    device: Any,
    store: Any,
    options: Mapping[str, Any],
) -> None:
    """Write everything given into the session's settings."""
    refuse_unknown("train", options, OWN)
    if isinstance(data, Pool):
        taught(data)  # refuses it, and says what to pass
    chosen = {**options, **({} if y is None else {"y": y})}
    named = isinstance(data, str)
    name, (called, module) = data if named else name_of(data), model_of(model)
    with session.hold_trait_notifications():
        session.data, session.data_name, session.given_name = (None if named else data), name, name
        session.options, session.model, session.module = chosen, called, module
        session.regimes = session.offered = tuple(asked_for(REGIMES if regimes is None else regimes))
        session.budgets = checked_budgets(BUDGETS if budgets is None else budgets)
        session.seeds = checked_seeds(seeds)
        session.epochs = checks.whole(epochs, "epochs", 1)
        session.every = 0 if every is None else checks.whole(every, "every, epochs between two choices,", 1)
        session.holdout = float(checks.real(holdout, "holdout, the share of rows set aside,", 0))
        session.recipe, session.device = checked_recipe(recipe, "test_every"), device
        session.store = checked_path(store)


def checked_budgets(given: Any) -> tuple[int | float, ...]:
    """Budgets as they were given, a count or a share each; how many rows there are is not known yet."""
    found = several(given, "budgets")
    if not found:
        raise ValueError("no budgets: pass numbers of rows or shares of the data, as [0.01, 0.05]")
    for one in found:
        budget(one, 2**62)
    return tuple(dict.fromkeys(int(one) if float(one) >= 1 else float(one) for one in found))
