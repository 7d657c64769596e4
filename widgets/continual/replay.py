"""What the panel runs as code: the lines of Python that give the same records, from the same store."""

from __future__ import annotations

from typing import Any

from coreset_explore.inputs.code import python
from coreset_explore.labs.continual import Rule
from coreset_explore.registry import STREAMS
from widgets.continual.ground import Ask, store_of
from widgets.continual.scenes import SCENES, YOURS
from widgets.continual.session import Session
from widgets.kit.data_code import data_code


def code(session: Session) -> str:
    """The run of the rail as a script; what only exists in this notebook stands in a comment."""
    ask, notes = Ask.of(session), []
    ground = session.ground
    known = ground is not None and ground.ask.data_key == ask.data_key
    data, before = data_code(ask, ground, ground.options if known else ask.options, notes, "remember()")
    names = ["frame", "run"]
    if ask.scenario == YOURS:
        notes.append("setting: the Setting you passed to remember()")
        made, before = "", []
    else:
        scene = SCENES[ask.scenario]
        words = "".join(f", {word}={python(value)}" for word, value in scene.given(ask).items())
        made, names = f"{scene.call}({data}{words})", [scene.call, *names]
        if ask.ratio > 1:
            made, names = f"imbalanced({made}, ratio={ask.ratio:g})", ["imbalanced", *names]
    how = {"capacity": list(ask.capacities), "paradigm": ask.paradigm, "seeds": list(ask.seeds)}
    given = [f"{word}={python(value)}" for word, value in how.items()]
    if ask.module is not None:
        notes.append("model: the module you passed to remember()")
        given.append("model=model")
    elif ask.model:
        given.append(f"model={python(ask.model)}")
    given += [f"recipe={python(dict(ask.how))}"] if ask.how else []
    given += [f"embedding={python(dict(ask.embedding))}"] if ask.embedding else []
    given += [f"device={python(str(ask.device))}"] if str(ask.device) != "auto" else []
    streams = ", ".join(_stream(rule, notes) for rule in ask.streams)
    own = "import coreset_explore as cx\n" if any("cx." in line for line in (made, *before)) else ""
    lines = [
        f"{own}from coreset_explore.labs.continual import {', '.join(sorted(names))}", "",
        *(f"# {note}" for note in dict.fromkeys(notes)), *before, *([f"setting = {made}"] if made else []),
        f"streams = [{streams}]",
        f"records = run(setting, streams, {', '.join(given)}, store={str(store_of(ask))!r})",
        "frame(records)",
    ]  # fmt: skip
    return "\n".join(lines)


def _stream(rule: Rule, notes: list[str]) -> str:
    """A rule as `run` takes it: its name, else its words, else the name of what the user has."""
    told: dict[str, Any] = {}
    if "stream" in rule.told:
        name = rule.method.name
        if STREAMS.get(name) is not rule.method:
            notes.append(f"{name}: the stream you passed to remember()")
            return name
        told = {"stream": name, **({"params": dict(rule.params)} if rule.params else {})}
    else:
        plain = {word: value for word, value in rule.told["online"].items() if value not in (None, [], {})}
        told = {"online": plain, **({"at": rule.told["at"]} if rule.told["at"] != "initial" else {})}
    if Rule.of(told).name != rule.name:
        told["name"] = rule.name
    if set(told) == {"stream"}:
        return python(told["stream"])
    return python(told)
