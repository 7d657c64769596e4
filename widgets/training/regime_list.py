"""Section 2 of the rail: the regimes that are compared, those that stand beside by themselves, and what adds one."""

from __future__ import annotations

from coreset_explore.labs.training.regimes import Regime, beside
from coreset_explore.plots import palette
from widgets.kit import closing
from widgets.kit import plain as w
from widgets.kit.guard import session_guard
from widgets.kit.markup import note, show
from widgets.kit.rows_of import SettingsRow
from widgets.training.regime_adder import regime_adder
from widgets.training.regime_form import regime_form
from widgets.training.session import Session


def regimes_box(session: Session) -> w.Widget:
    """Rows in step with `session.regimes`, the baselines below them, and "Add a regime"."""
    rows, always = w.VBox().add_class("cx-methods"), note()
    held: dict[tuple[str, bool], SettingsRow] = {}  # by name, and whether the user asked for it
    guard = session_guard(session)

    def draw(_=None) -> None:
        more = beside(session.regimes)
        wanted = {**{(r.name, True): r for r in session.regimes}, **{(r.name, False): r for r in more}}
        styles = palette.method_styles([name for name, _ in wanted], session.dark)
        for key, regime in wanted.items():
            if key not in held:
                held[key] = _row(session, regime, key[1])
            held[key].style(styles[key[0]])
            held[key].tell(told(regime))
        lines = tuple(held[key].widget for key in wanted)
        if lines != rows.children:  # a page that is given children in quick succession loses some
            rows.children = lines
        for key in set(held) - set(wanted):
            closing.close(held.pop(key).widget)
        always.value = "Grey: always beside the others." if more else ""
        show(always, bool(more))

    session.observe(guard(draw), ["regimes", "theme"])
    draw()
    return w.VBox([rows, always, regime_adder(session)]).add_class("cx-section-box")


def _row(session: Session, regime: Regime, own: bool) -> SettingsRow:
    """A regime's line; of one that chooses, when and from what, and what its weights do."""
    name = regime.name

    def now() -> Regime:
        return next(one for one in session.regimes if one.name == name)

    def put(*changed: Regime) -> None:
        parts = [changed if one.name == name else (one,) for one in session.regimes]
        session.regimes = tuple(one for part in parts for one in part)

    def remove() -> None:
        if len(session.regimes) == 1:
            raise ValueError("one regime has to stay; add another one first")
        put()

    chooses = own and regime.strategy is not None
    form = (lambda: regime_form(session, now, lambda changed: put(changed))) if chooses else None
    return SettingsRow(session, name, told(regime), form, remove if own else None)


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
