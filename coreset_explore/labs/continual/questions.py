"""What one asks of memories of a stream, each answered by a tidy frame.

Whatever trains takes streams, a capacity, seeds and a store, as `run` does, and goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coreset_explore.experiment.significance import significance
from coreset_explore.inputs import checks
from coreset_explore.labs.continual.cells import EMBEDDING, PARADIGMS
from coreset_explore.labs.continual.reading import frame
from coreset_explore.labs.continual.rules import Rule
from coreset_explore.labs.continual.run import run
from coreset_explore.labs.continual.setting import Setting
from coreset_explore.training.run import RECIPE

GROUND = ("scenario", "paradigm", "capacity")


def compare(
    settings: Setting | Mapping[str, Setting],
    streams: Any,
    *,
    capacity: int | Sequence[int],
    paradigms: str | Sequence[str] = "gdumb",
    **more: Any,
):
    """The same streams in several scenarios and paradigms: what fails where (GMC, figures 1 to 5).

    `settings` by what they are to be called, or one; `more` goes to `run`. Columns: those of `frame`, and scenario and
    paradigm.
    """
    import pandas

    if isinstance(settings, Setting):
        settings = {settings.scenario["scenario"]: settings}
    found = []
    for name, setting in settings.items():
        for paradigm in [paradigms] if isinstance(paradigms, str) else paradigms:
            checks.choice(paradigm, "paradigm", PARADIGMS)
            records = run(setting, streams, capacity=capacity, paradigm=paradigm, **more)
            found.append(frame(records).assign(scenario=name, paradigm=paradigm))
    return pandas.concat(found, ignore_index=True)


def final(found):
    """The rows after each scenario's last task, of a frame of `run` or `compare`; all that figures over sizes show."""
    last = found.groupby("scenario").task.transform("max") if "scenario" in found else found.task.max()
    return found[found.task == last].reset_index(drop=True)


def gains(found, against: str = "reservoir", value: str = "accuracy"):
    """What each stream is worth more than one of them after the last task, at each size: "better at all sizes", and
    "by more where the memory is small" (GMC, section 4.1), are read off its columns.

    Of a frame of `run` or `compare`: scenario and paradigm where there are some, capacity, stream, pairs (seeds both
    have), gain (the mean of paired differences), low and high (its 95 % interval, Student's), p (Wilcoxon's, two-sided)
    and says: "better" or "worse" where the interval leaves 0 out, else "not decided". Of one seed there is no interval.
    """
    import pandas

    ground = [word for word in GROUND if word in found]
    parts = []
    for place, part in final(found).groupby(ground, sort=False):
        told = significance(part.rename(columns={"capacity": "budget"}), value, "stream", against)
        told = told.rename(columns={"regime": "stream", "difference": "gain"})
        told["says"] = [_says(low, high) for low, high in zip(told.low, told.high, strict=True)]
        columns = ["stream", "pairs", "gain", "low", "high", "p", "says"]
        parts.append(told[columns].assign(**dict(zip(ground, place, strict=True)))[[*ground, *columns]])
    return pandas.concat(parts, ignore_index=True)


def _says(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else "not decided"


def ablate(
    setting: Setting,
    stream: Any,
    vary: Mapping[str, Sequence[Any]],
    *,
    recipe: Mapping[str, Any] | None = None,
    embedding: Mapping[str, Any] | None = None,
    **more: Any,
):
    """One thing changed at a time: `ablate(setting, "gmc", {"inits": [1, 2, 8]}, capacity=100)`: is s = 4 enough?

    `vary` names a word of the embedding (how, inits, width), an argument of the recipe (epochs, lr, …) or a parameter
    of the stream; `more` goes to `run`. Columns: those of `frame`, and `factor` and `value`; as it is has the factor
    "as it is".
    """
    import pandas

    rule = Rule.of(stream)
    tried: list[tuple[str, Any, Rule, dict[str, Any], dict[str, Any]]]
    tried = [("as it is", None, rule, dict(embedding or {}), dict(recipe or {}))]
    for factor, values in vary.items():
        for value in values:
            tried.append((factor, value, *_changed(rule, embedding or {}, recipe or {}, factor, value)))
    found = []
    for factor, value, own, how, trained in tried:
        records = run(setting, own, recipe=trained, embedding=how, **more)
        found.append(frame(records).assign(factor=factor, value=pandas.Series([value], dtype=object)[0]))
    return pandas.concat(found, ignore_index=True)


def _changed(
    rule: Rule, embedding: Mapping[str, Any], recipe: Mapping[str, Any], factor: str, value: Any
) -> tuple[Rule, dict[str, Any], dict[str, Any]]:
    if factor in EMBEDDING:
        return rule, {**embedding, factor: value}, dict(recipe)
    if factor in (*RECIPE, "epochs"):
        return rule, dict(embedding), {**recipe, factor: value}
    if "stream" in rule.told and factor in rule.method.params:
        params = {**rule.params, factor: value}
        changed = Rule.of({"stream": rule.method, "params": params})
        return replace(changed, name=rule.name), dict(embedding), dict(recipe)
    own = ", ".join(rule.method.params) or "no parameter, as it has none"
    raise ValueError(
        f"{factor!r} is nothing of {rule.name}: vary {', '.join(EMBEDDING)}, epochs, {', '.join(RECIPE)}, or {own}"
    )
