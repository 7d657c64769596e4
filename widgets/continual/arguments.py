"""What `remember` was given, as settings of the Session; ValueError names what is wrong and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coreset_explore.experiment.grid import several
from coreset_explore.inputs import checks
from coreset_explore.labs.continual import Setting
from coreset_explore.labs.continual.cells import PARADIGMS
from coreset_explore.labs.continual.rules import rules_of
from coreset_explore.pool import Pool
from coreset_explore.training.rows import taught
from coreset_explore.training.run import recipe as checked_recipe
from widgets.continual.scenes import SCENES, YOURS
from widgets.continual.session import Session
from widgets.kit.columns import checked_frame, checked_render
from widgets.kit.given import model_of, name_of, refuse_unknown
from widgets.kit.typed import checked_path, checked_seeds

STREAMS = ("gmc", "reservoir", "balanced", "window")
"""The rules that are compared where nobody says: one that matches gradients, one unbiased, balanced, forgetful."""
OWN = (
    "scenario", "classes", "tasks", "feature", "most", "ratio", "streams", "capacity", "paradigm", "model", "seeds",
    "recipe", "embedding", "device", "store", "texts", "frame", "render", "run",
)  # fmt: skip


def settle(
    session: Session,
    data: Any,
    y: Any,
    given: Mapping[str, Any],
    rows: Mapping[str, Any],
    options: Mapping[str, Any],
) -> None:
    """Write everything given into the session's settings: `given` by name, `rows` what rows are shown as."""
    refuse_unknown("remember", options, OWN)
    if isinstance(data, Pool):
        taught(data)  # refuses it, and says what to pass
    chosen = {**options, **({} if y is None else {"y": y})}
    mine = isinstance(data, Setting)
    if mine and (strange := next(iter(chosen), "")):
        raise ValueError(f"a Setting brings its own data; leave {strange}= out")
    named = isinstance(data, str)
    name = data if named else name_of(data.data if mine else data)
    called, module = model_of(given["model"])
    with session.hold_trait_notifications():
        own = data.data if mine else None if named else data
        session.data, session.data_name, session.given_name = own, name, name
        session.options, session.model, session.module = chosen, called, module
        session.setting = data if mine else None
        session.texts, session.frame = rows["texts"], checked_frame(rows["frame"])
        session.render = checked_render(rows["render"])
        session.scenario = YOURS if mine else checks.choice(given["scenario"], "scenario", tuple(SCENES))
        session.classes = checks.whole(given["classes"], "classes a task", 1)
        session.tasks = checks.whole(given["tasks"], "tasks", 2)
        session.feature = str(given["feature"])
        session.most = float(checks.real(given["most"], "most, the largest angle in degrees,", 0))
        session.ratio = float(checks.real(given["ratio"], "ratio, the largest class over the smallest,", 1))
        session.streams = session.offered = tuple(
            rules_of(STREAMS if given["streams"] is None else given["streams"])
        )
        session.capacities = checked_capacities(given["capacity"])
        session.paradigm = checks.choice(given["paradigm"], "paradigm", PARADIGMS)
        session.seeds = checked_seeds(given["seeds"])
        recipe = dict(checked_recipe(given["recipe"], "epochs"))
        session.epochs = recipe.pop("epochs", 0)
        session.recipe, session.embedding = recipe, dict(given["embedding"] or {})
        session.device, session.store = given["device"], checked_path(given["store"])


def checked_capacities(given: Any) -> tuple[int, ...]:
    """Sizes of the memory, one or several, each a number of rows."""
    found = [checks.whole(one, "capacity, rows kept,", 1) for one in several(given, "capacity")]
    if not found:
        raise ValueError("no capacity: pass a number of rows, or several")
    return tuple(sorted(dict.fromkeys(found)))
