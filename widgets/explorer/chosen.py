"""The chosen methods: how they change, and what is to be said of each beside its name."""

from __future__ import annotations

from dataclasses import replace

from coreset_explore.pool import Pool
from coreset_explore.selecting.strategy import Strategy
from widgets.explorer.session import MAX_CHOICES, Session
from widgets.kit.problems import Problem, problem

WANTED_BY = {"gradmatch": "inits", "gradsim": "each"}  # GMC's paper, A.4; GradSimCore's Algorithm 1
KNOWS = "Chooses by the labels of all rows, also of those it leaves out."
FIELDS = {
    "y": "labels",
    "emb": "features",
    "grads": "gradients",
    "logits": "a model's outputs",
    "history": "what training saw",
    "target": "validation rows",
}


def change(session: Session, name: str, new: Strategy | None) -> None:
    """Put `new` in the place of the choice called `name`, or take it away."""
    session.choices = tuple(
        other for c in session.choices for other in ([new] if c.name == name else [c]) if other is not None
    )


def add(session: Session, preset: Strategy) -> Strategy:
    """Choose a preset; a second one of the same name is numbered."""
    if len(session.choices) >= MAX_CHOICES:
        raise ValueError(f"{MAX_CHOICES} methods are chosen; remove one first")
    taken = {c.name for c in session.choices}
    name, number = preset.name, 2
    while name in taken:
        name, number = f"{preset.name} ({number})", number + 1
    choice = replace(preset, name=name)
    session.choices = (*session.choices, choice)
    return choice


def lack(session: Session, choice: Strategy) -> str:
    """What the pool of the last result lacks for this method, in words, or nothing (also before there is a pool)."""
    result = session.result
    if result is None or result.key[: len(session.pool_key)] != session.pool_key:
        return ""
    missing = choice.lacks(result.pool)
    if missing is None:
        return ""
    needed = FIELDS.get(missing.name, missing.name)
    if missing.wanted_by:
        return f"“Within each class” needs {needed}, and this data has none: untick it under ⚙."
    return f"Needs {needed}, and this data has none."


def failure(session: Session, choice: Strategy) -> Problem | None:
    """What kept this method from answering the settings as they are, where something did."""
    result = session.result
    error = None if result is None or session.stale else result.failed.get(choice.name)
    return None if error is None else problem(error)


def cut_short(session: Session, choice: Strategy) -> str:
    """Of picks of one's own that are more than the slider's right end, how many are shown, and what shows all."""
    result, own = session.result, choice.own
    run = None if own is None or result is None else result.runs.get(choice.name)
    if run is None or run.strategy.own is not own or len(own) <= result.budgets[-1]:
        return ""
    return (
        f"Only its first {result.budgets[-1]:,} of {len(own):,} picks are looked at: for all of them write "
        f"{len(own):,} under Up to, and Select."
    )


def offer(session: Session, choice: Strategy) -> str:
    """At which models gradients should be recorded for the last answer of this method, "" where all is well."""
    result = session.result
    recorded = result is not None and "inits" in result.pool.info and not isinstance(session.data, Pool)
    run = result.runs.get(choice.name) if recorded and not session.stale else None
    if run is None or session.gradients != "last" or not run.selection.said("few_steps"):
        return ""
    return WANTED_BY.get(choice.declared.name, "")
