"""The fields that say which memories are looked at: two streams beside each other, their size, a seed, a class."""

from __future__ import annotations

from collections.abc import Sequence

from widgets.continual.result import NONE, Looked
from widgets.continual.session import Session
from widgets.kit import plain as w
from widgets.kit.form import Controls
from widgets.kit.guard import session_guard
from widgets.kit.markup import field, show

SIDES = ("left", "right", "capacity", "seed")
FIELDS = ["result", "left", "right", "capacity", "seed", "only_class", "tab"]


def looking(session: Session, tab: str, *more: w.Widget, asks: Sequence[str] = SIDES) -> w.Box:
    """A toolbar for one tab that `asks` these of its view; what there is no choice of is not shown."""
    left, right, capacity, seed, label = (w.Dropdown() for _ in range(5))
    controls = Controls(session, left=left, right=right, capacity=capacity, seed=seed, only_class=label)
    fields = {
        "left": field("Memory", left), "right": field("Beside", right), "capacity": field("Rows kept", capacity),
        "seed": field("Seed", seed), "only_class": field("Class", label),
    }  # fmt: skip

    def follow(_=None) -> None:
        result = session.result
        if result is None or session.tab != tab:
            return
        looked, names = Looked.at(session), result.names
        controls.put(left, looked.left, names)
        others = [name for name in names if name != looked.left]
        controls.put(right, looked.right or NONE, [*((name, name) for name in others), ("none", NONE)])
        controls.put(capacity, looked.capacity, [(f"{size:,}", size) for size in result.capacities])
        controls.put(seed, looked.seed, [(str(one), one) for one in result.seeds])
        named = result.ground.setting.data.classes
        controls.put(
            label, Looked.label(session), [("All", -1), *((name, i) for i, name in enumerate(named))]
        )
        several = {
            "right": len(others),
            "capacity": len(result.capacities) - 1,
            "seed": len(result.seeds) - 1,
        }
        for word, one in fields.items():
            show(one, word in asks and several.get(word, 1) > 0)

    session.observe(session_guard(session)(follow), FIELDS)
    follow()
    return w.Box([*fields.values(), *more]).add_class("cx-toolbar").add_class("cx-looking")
