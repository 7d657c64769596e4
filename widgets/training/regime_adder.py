"""The control that adds a regime: the papers' by name, and any strategy, each perhaps with a warm start."""

from __future__ import annotations

from dataclasses import replace

from coreset_explore.labs.training.regimes import REGIMES, WARM, Regime
from coreset_explore.selecting.strategy import presets
from widgets.kit import plain as w
from widgets.kit.adder import adder
from widgets.training.session import Session


def regime_adder(session: Session) -> w.Widget:
    """ "Add a regime", perhaps with a warm start."""
    warm = w.Checkbox(False, description="Warm start: half of the updates on everything", indent=False)

    def add(regime: Regime) -> None:
        chosen = warmed(regime) if warm.value and regime.again else regime
        if chosen.name in {one.name for one in session.regimes}:
            raise ValueError(f"{chosen.name} is among them already")
        session.regimes = (*session.regimes, chosen)
        warm.value = False

    return adder(
        session, "regime", offered=lambda: offered(session), lines=_lines, refused=refused, add=add, more=warm,
        wanted=lambda regime: regime.again,
    )  # fmt: skip


def offered(session: Session) -> dict[str, Regime]:
    """What can be added: the papers' regimes without a warm start, those first given, then any strategy by its name."""
    plain = {name: regime for name, regime in REGIMES.items() if not name.endswith(WARM)}
    given = {regime.name: regime for regime in session.offered}
    strategies = {name: Regime.of(strategy) for name, strategy in presets().items() if name not in plain}
    return {**plain, **given, **strategies}


def warmed(regime: Regime) -> Regime:
    """The same with half of its updates on everything first."""
    return REGIMES.get(f"{regime.name}{WARM}") or replace(regime, name=f"{regime.name}{WARM}", warm=0.5)


def refused(regime: Regime) -> str:
    """Why it cannot choose during training, or nothing."""
    if regime.strategy is None:
        return ""
    try:
        regime.policy(1, 1, 1, 0.1).refuse(None)
    except ValueError as error:
        return str(error)
    return ""


def _lines(regime: Regime) -> list[str]:
    strategy = regime.strategy
    if strategy is None or strategy.own is not None:
        return [regime.help]
    return [
        line for line in (regime.help or strategy.help or strategy.declared.summary, strategy.paper) if line
    ]
