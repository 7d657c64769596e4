"""Every tab watches all that it is made of: whatever changes in the Session, looking again finds nothing to draw."""

import pandas
import pytest

from tests import panels
from widgets.explorer.panel import TABS, build

CHANGED = {
    "j": 2,
    "active": "Herding",
    "layout": "UMAP",
    "layout_note": "Computing t-SNE, 3 %",
    "color_by": "rank",
    "only_class": 2,
    "focus": ("lasso", (1, 2, 3)),
    "hovered": 5,
    "theme": "dark",
    "width": 620,
    "compare_a": "Herding",
    "compare_b": "CRAIG",
    "probe_note": "Measuring accuracies, 40 %",
    "seed": 7,
    "k_max": 30,
    "model": "mlp",
    "status": "running",
    "progress": 0.5,
}


def frame() -> pandas.DataFrame:
    row = {"method": "CRAIG", "budget": 8, "seed": 0, "accuracy": 0.5, "judged": "9 rows", "model": "mlp"}
    return pandas.DataFrame([{**row, "regime": "equal epochs: 2"}])


@pytest.mark.parametrize("tab", TABS)
def test_nothing_that_a_tab_shows_changes_unseen(tab):
    pool = panels.pool_of()
    session = panels.session_of(pool, panels.pictures_of(pool))
    session.tab = tab
    root = build(tab, session)
    view = getattr(root.view, "view", root.view)
    other = panels.session_of(panels.pool_of(200))
    changes = [{trait: value} for trait, value in CHANGED.items()]
    changes += [{"trained": frame()}, {"maps": {"t-SNE": panels.plane_of(pool, 3), **session.maps}}]
    changes += [{"result": other.result, "maps": other.maps}]
    for change in changes:
        with session.hold_trait_notifications():
            for trait, value in change.items():
                setattr(session, trait, value)
        drawn = dict(view._drawn)
        view.refresh()
        assert view._drawn == drawn, f"{tab} does not watch {list(change)}"
        assert session.problem is None, (change, session.problem)
