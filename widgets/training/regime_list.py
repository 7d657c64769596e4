"""Section 2 of the rail: the regimes that are compared, those that stand beside by themselves, and what adds one."""

from __future__ import annotations

import ipywidgets as w

from coreset_explore.labs.training.regimes import Regime, beside
from coreset_explore.plots import palette
from coreset_explore.plots.base import brief
from widgets.kit import closing
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, show, swatch, text
from widgets.training.regime_adder import regime_adder
from widgets.training.session import Session


def regimes_box(session: Session) -> w.Widget:
    """Rows in step with `session.regimes`, the baselines below them, and "Add a regime"."""
    rows, always = w.VBox().add_class("cx-methods"), note()
    guard = session_guard(session)

    def draw(_=None) -> None:
        more = beside(session.regimes)
        styles = palette.method_styles([r.name for r in (*session.regimes, *more)], session.dark)
        before = rows.children
        rows.children = [
            *(_row(session, one, styles[one.name], True) for one in session.regimes),
            *(_row(session, one, styles[one.name], False) for one in more),
        ]
        for one in before:
            closing.close(one)
        always.value = "Grey: always beside the others." if more else ""
        show(always, bool(more))

    session.observe(guard(draw), ["regimes", "theme"])
    draw()
    return w.VBox([rows, always, regime_adder(session)]).add_class("cx-section-box")


def _row(session: Session, regime: Regime, style: palette.Style, own: bool) -> w.Widget:
    """A regime's line style and name, its help where it is pointed at, and the button that takes it away."""
    named = f'<span title="{text(told(regime))}">{text(brief(regime.name, 48))}</span>'
    name, remove = w.HTML(named), w.Button(description="×", tooltip=f"Remove {regime.name}")
    remove.on_click(session_guard(session)(lambda _: _remove(session, regime)))
    if not own:
        name.add_class("cx-beside")
    remove.layout.visibility = "visible" if own else "hidden"
    return w.Box([w.HTML(swatch(style)), name, remove]).add_class("cx-method").add_class("cx-regime")


def _remove(session: Session, regime: Regime) -> None:
    left = tuple(one for one in session.regimes if one is not regime)
    if not left:
        raise ValueError("one regime has to stay; add another one first")
    session.regimes = left


def told(regime: Regime) -> str:
    """What a regime does, in a sentence or two."""
    strategy = regime.strategy
    words = regime.help or (
        strategy.help or strategy.declared.summary if strategy and strategy.own is None else ""
    )
    if strategy is not None and strategy.own is not None:
        words = f"{len(strategy.own):,} rows of your own, the same throughout."
    if regime.warm:
        words += f" The first {100 * regime.warm:.0f} % of the updates are made on everything."
    return words.strip()
