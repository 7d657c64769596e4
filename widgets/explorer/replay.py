"""What the panel did, as a value and as code: settings as JSON in and out, and the lines that give the same picks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from coreset_explore.experiment.runs import Run
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.result import Result
from widgets.explorer.session import Session
from widgets.kit.given import yours
from widgets.kit.tags import checked

SCHEMA = 1
VIEW = ("tab", "active", "color_by", "only_class", "layout", "compare_a", "compare_b", "columns")
OWN = "(your own data)"
OWN_MODEL = "(your own model)"


def config(session: Session) -> dict:
    """The settings, the budget and the view as plain JSON; one's own arrays and selections are named, not kept."""
    from coreset_explore import __version__

    mine = session.data_name == session.given_name and session.data is not None
    found = {
        "schema": SCHEMA,
        "version": __version__,
        "data": OWN if mine else session.data_name,
        "options": {k: v for k, v in session.options.items() if _is_json(v)},
        "model": OWN_MODEL if session.own_model is not None else session.model,
        "epochs": session.epochs,
        "gradients": session.gradients,
        "methods": [choice.plain() for choice in session.choices if choice.own is None],
        "k_max": session.k_max,
        "seed": session.seed,
        "budget": session.budget or None,
        "view": {name: getattr(session, name) for name in VIEW},
        "tags": {tag: list(ids) for tag, ids in session.tags.items()},
    }
    return json.loads(json.dumps(found))


def apply(session: Session, settings: Mapping[str, Any]) -> None:
    """Put a `config` into a session; raises ValueError for one that is not ours or names what is unknown."""
    if not isinstance(settings, Mapping) or settings.get("schema") != SCHEMA:
        raise ValueError(f"this is no config of the panel (schema {SCHEMA}): pass what `panel.config` gave")
    known = {
        "schema",
        "version",
        "data",
        "options",
        "model",
        "epochs",
        "gradients",
        "methods",
        "k_max",
        "seed",
        "budget",
        "view",
        "tags",
    }
    if unknown := sorted(set(settings) - known):
        raise ValueError(
            f"the config holds {unknown[0]!r}, which the panel does not know; it knows {', '.join(sorted(known))}"
        )
    # an unknown name is refused here
    choices = [
        Strategy.of(_as_it_was(entry, settings.get("version"))) for entry in settings.get("methods", ())
    ]
    if settings.get("data") == OWN and session.data is None:
        raise ValueError("this config was made with data of your own; pass it too: explore(X, config=...)")
    settings = dict(settings)
    if settings.get("model") == OWN_MODEL:
        if session.module is None:
            raise ValueError(
                "this config was made with a model of your own; pass it too: explore(X, model=module, config=...)"
            )
        settings["model"] = yours(session.module)
    if settings.get("data") not in (OWN, None):
        session.data_name = settings["data"]
        session.given_name = settings["data"] if session.data is None else session.given_name
    tags = checked(settings.get("tags", {}))
    with session.hold_trait_notifications():
        session.tags = tags
        session.options = {**settings.get("options", {}), **session.options}
        for name in ("model", "epochs", "gradients", "k_max", "seed"):
            if name in settings:
                setattr(session, name, settings[name])
        session.choices = (*choices, *(c for c in session.choices if c.own is not None))


def _as_it_was(entry: Mapping[str, Any], version: Any) -> dict[str, Any]:
    """The method as the version that saved it ran it: 0.1.0 dealt batches by seed 0, whatever the run's own seed."""
    if version != "0.1.0":
        return dict(entry)
    wrap = [
        [name, {"seed": 0, **options} if name == "per_batch" else dict(options)]
        for name, options in entry.get("wrap", ())
    ]
    return {**entry, "wrap": wrap}


def code(session: Session) -> str:
    """The lines that give the picks and weights on the screen: every method of the last result, at its budget."""
    result = session.result
    if result is None:
        return "import coreset_explore as cx\n\n# press Select: the code of what is shown appears here"
    lines = ["import coreset_explore as cx", "", *_pool_lines(result)]
    budget = result.budgets[min(session.j, len(result.budgets) - 1)]
    shown = [session.run, *(r for r in result.runs.values() if r is not session.run)]
    for run in shown:
        lines += _run_lines(run, result, budget)
    return "\n".join(lines)


def _pool_lines(result: Result) -> list[str]:
    made = result.made
    lines = [f"# {made['note']}"] if made.get("note") else []  # what has to be there comes first
    if made.get("load"):
        lines.append(f"data = {made['load']}")
    return [*lines, *made["pool"]]


def _run_lines(run: Run, result: Result, budget: int) -> list[str]:
    name = variable(run.strategy.name)
    if run.strategy.own is not None:
        return [f"# {name}: the selection you passed to explore(selections=...)"]
    seed = result.made["seed"]
    whole = result.budgets[-1]
    k = whole if run.nested else budget
    call = run.strategy.code(k, seed)
    if run.nested and budget < whole:
        return [f"{name} = {call}", f"{name} = cx.reweigh(pool, {name}[:{budget}])"]
    return [f"{name} = {call}"]


def variable(name: str) -> str:
    """A name as a Python variable: "k-center per class" is k_center_per_class."""
    word = re.sub(r"\W+", "_", name.lower()).strip("_")
    return word if word.isidentifier() else f"picks_{word}".rstrip("_")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def view(session: Session, wanted: Mapping[str, Any]) -> None:
    """The budget and the view of a config, once its result is there."""
    result = session.result
    if wanted.get("budget") and result is not None:
        budgets = result.budgets
        session.j = min(range(len(budgets)), key=lambda i: abs(budgets[i] - wanted["budget"]))
    for name, value in wanted.get("view", {}).items():
        if name in ("active", "compare_a", "compare_b") and value not in result.runs:
            continue
        session.set_trait(name, value)
