"""What the panel runs as code: the lines of Python that give the same records, from the same store."""

from __future__ import annotations

from coreset_explore.inputs.code import python
from coreset_explore.labs.training.regimes import REGIMES, Regime
from widgets.kit.data_code import data_code
from widgets.training.ground import Ask, store_of
from widgets.training.session import Session


def code(session: Session) -> str:
    """The grid of the rail as a script; what only exists in this notebook stands in a comment."""
    ask, notes = Ask.of(session), []
    data, before = data_code(ask, session.ground, ask.options, notes, "train()")
    given = [data]
    if ask.module is not None:
        notes.append("model: the module you passed to train()")
        given.append("model")
    elif ask.model:
        given.append(python(ask.model))
    given.append(f"epochs={ask.epochs}")
    given += [f"every={ask.every}"] if ask.every else []
    given += [f"holdout={ask.holdout}"] if ask.holdout != 0.1 else []
    given += [f"recipe={python(dict(ask.recipe))}"] if ask.recipe else []
    given += [f"device={python(str(ask.device))}"] if str(ask.device) != "auto" else []
    regimes = [_regime(regime, notes) for regime in ask.regimes]
    own = "import coreset_explore as cx\n" if "cx." in "".join([data, *before]) else ""
    listed = ", ".join(regimes)
    return "\n".join(
        [
            f"{own}from coreset_explore.labs.training import Setting, frame, run",
            "",
            *(f"# {note}" for note in dict.fromkeys(notes)),
            *before,
            f"setting = Setting({', '.join(given)})",
            f"regimes = [{listed}]",
            f"records = run(setting, regimes, budgets={list(ask.budgets)}, seeds={list(ask.seeds)}, "
            f"store={str(store_of(ask))!r})",
            "frame(records)",
        ]
    )


def _regime(regime: Regime, notes: list[str]) -> str:
    """A regime as `run` takes it: its name, else its words, else the name of what the user has."""
    if REGIMES.get(regime.name) == regime:
        return python(regime.name)
    strategy = regime.strategy
    if strategy is None:
        notes.append(f"{regime.name}: a regime of your own")
        return _called(regime.name)
    if strategy.own is not None or not isinstance(strategy.method, str):
        kind = "selection" if strategy.own is not None else "function"
        notes.append(f"{_called(regime.name)}: the {kind} you passed to train()")
        chosen = _called(strategy.name)
    else:
        chosen = python(
            {word: value for word, value in strategy.plain().items() if value not in (None, [], {})}
        )
    default = Regime.of(strategy)
    words = {word: getattr(regime, word) for word in ("again", "every", "warm", "holdout", "look", "blocks")}
    more = {word: value for word, value in words.items() if value != getattr(default, word)}
    more |= {"how": dict(regime.how)} if regime.how else {}
    if regime.name != strategy.name:
        more["name"] = regime.name
    if not more:
        return chosen
    said = ", ".join(f'"{word}": {python(value)}' for word, value in more.items())
    return f'{{"strategy": {chosen}, {said}}}'


def _called(name: str) -> str:
    word = "".join(sign if sign.isalnum() else "_" for sign in name.lower()).strip("_")
    return word if word.isidentifier() else f"own_{word}"
