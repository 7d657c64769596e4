"""Rule: a stream as a run takes it, with its name, its parameters, and what a store knows it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from coreset_explore.experiment.grid import source, source_of
from coreset_explore.inputs import checks
from coreset_explore.labs.keeping import listed
from coreset_explore.recording.extras import EXTRAS
from coreset_explore.recording.forward import PASS
from coreset_explore.registry import METHODS, SCORES, STREAMS, Method, UnknownMethod
from coreset_explore.selecting.as_stream import online
from coreset_explore.selecting.strategy import PRESETS, Strategy
from coreset_explore.selecting.streams import found

EMBEDDED = ("ids", "y", "emb", "grads")  # what each row comes with
RECORDED = ("ids", "y", *PASS, *EXTRAS)  # what a model says of rows now
WORDS = ("stream", "online", "at", "params", "name")


@dataclass(frozen=True)
class Rule:
    """One rule for a memory: `name` in the records, the stream and its parameters; `told`: JSON, without the name."""

    name: str
    method: Method
    params: Mapping[str, Any]
    told: Mapping[str, Any]

    @classmethod
    def of(cls, given: Any) -> Rule:
        """The rule that is meant: a stream's name or function; a batch method, which is made a stream by `online`; or
        {"stream": "gmc", "params": {"nonnegative": False}, "name": "GMC, free"}, {"online": "CRAIG", "at": "current"}.

        >>> from coreset_explore.labs.continual import Rule
        >>> Rule.of("gmc").name, Rule.of("herding").name
        ('gmc', 'online herding')
        """
        if isinstance(given, Rule):
            return given
        if isinstance(given, Mapping) and ("stream" in given or "online" in given):
            return cls._described(given)
        if isinstance(given, Method) and given.kind == "stream" and STREAMS.get(given.name) is not given:
            raise ValueError(
                f"{given.name} is a stream made on the way, of which no store knows what it is made of; pass the "
                'method itself, {"online": …}'
            )
        if isinstance(given, str) and given not in STREAMS:
            return cls._online(given, {})
        if isinstance(given, Strategy | Mapping) or (
            isinstance(given, Method) and given.kind in ("selector", "score")
        ):
            return cls._online(given, {})
        return cls._stream(given, {})

    @classmethod
    def _described(cls, words: Mapping[str, Any]) -> Rule:
        strange = [word for word in words if word not in WORDS]
        if strange or ("stream" in words and ("online" in words or "at" in words)):
            raise ValueError(
                f"a rule is described by stream, params and name, or by online, at and name, not by {', '.join(words)}"
            )
        if "params" in words and not isinstance(words["params"], Mapping):
            raise ValueError(f"params are a dictionary, name to value, not {checks.shown(words['params'])}")
        made = (
            cls._stream(words["stream"], words.get("params", {}))
            if "stream" in words
            else cls._online(words["online"], words)
        )
        return replace(made, name=str(words.get("name", made.name)))

    @classmethod
    def _stream(cls, given: Any, params: Mapping[str, Any]) -> Rule:
        method = found(given)
        settled = method.settled(method.checked(params))
        told = {"stream": method.name, "params": settled, "source": source_of(method.fn)}
        return cls(method.name, method, dict(params), told)

    @classmethod
    def _online(cls, given: Any, words: Mapping[str, Any]) -> Rule:
        if isinstance(given, str) and not any(given in known for known in (METHODS, SCORES, PRESETS)):
            raise UnknownMethod("stream", given, [*STREAMS, *METHODS, *SCORES, *PRESETS])
        strategy, at = Strategy.of(given, **words.get("params", {})), words.get("at", "initial")
        method = online(strategy, at=checks.choice(at, "at", ("initial", "current")))
        plain = {word: value for word, value in strategy.plain().items() if word != "name"}
        return cls(method.name, method, {}, {"online": plain, "at": at, "source": source(strategy)})

    @property
    def now(self) -> bool:
        """Whether it compares what the model says as it is now, so that memory and batch are recorded anew."""
        return self.method.at == "current"

    def refuse(self) -> None:
        """ValueError where it reads what nobody records of a stream."""
        known = RECORDED if self.now else EMBEDDED
        first = self.method.alternatives()[0]
        if lacking := [name for name in first if name not in known]:
            now = not self.now and lacking[0] in RECORDED
            how = 'have it ask the model, {"online": …, "at": "current"}' if now else "take another rule"
            raise ValueError(f"{self.name} reads {lacking[0]}, and rows come with {', '.join(known)}; {how}")

    def fields(self) -> tuple[str, ...]:
        """What to record of rows for it, besides their labels: what one forward pass gives, and what it asks for."""
        return (*PASS, *(name for name in self.method.alternatives()[0] if name in EXTRAS))


def rules_of(given: Any) -> list[Rule]:
    """What `given` names: one rule or a list of them; ValueError for what is none, and for one name twice."""
    rules = listed(given, (str, Rule, Mapping, Method, Strategy), Rule.of, "stream", STREAMS)
    for rule in rules:
        rule.refuse()
    return rules
