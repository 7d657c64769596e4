"""How much room the page leaves: when the form is folded, how wide a tab is, how high its map."""

import numpy as np
import pytest

from tests.panels import Loop, pool_of, session_of
from tests.tree import widgets_in
from widgets import explore
from widgets.explorer.map import HEIGHT, OTHERS, MapView
from widgets.kit import room
from widgets.kit.session import Session


def of(width: int, height: int = 0, folded: bool | None = None) -> Session:
    session = Session()
    session.width, session.height, session.folded = width, height, folded
    return session


@pytest.mark.parametrize(
    ("width", "wish", "folded", "tab"),
    [
        (1260, None, False, 978),
        (1006, None, False, 724),
        (1006, True, True, 972),
        (800, None, True, 766),
        (800, False, False, 766),  # the form stands over the tabs
        (620, None, True, 586),
    ],
)
def test_a_narrow_panel_folds_its_form_and_the_users_wish_wins(width, wish, folded, tab):
    session = of(width, folded=wish)
    assert (room.folded(session), room.width(session)) == (folded, tab)


def test_the_picture_is_as_high_as_the_window_leaves_within_bounds():
    assert room.height(of(1260), OTHERS, HEIGHT) == HEIGHT  # nothing is known of the window
    assert room.height(of(1260, 1400), OTHERS, HEIGHT) == HEIGHT
    assert room.height(of(1006, 779), OTHERS, HEIGHT) == 779 - room.CELL - room.HEAD - OTHERS
    assert room.height(of(800, 779), OTHERS, HEIGHT) == room.LOW
    assert room.height(of(1006, 300), OTHERS, HEIGHT) == room.LOW
    assert (
        room.height(of(1006, 300), OTHERS, HEIGHT, room.LOW + 9) == room.LOW + 9
    )  # it would change by little


def test_the_map_is_drawn_anew_for_another_window_and_keeps_what_is_ringed():
    session = session_of(pool_of())
    view = MapView(session)
    first = view.canvas
    assert first.widget.height == HEIGHT
    session.height = 900
    wanted = room.height(session, OTHERS, HEIGHT)
    assert view.canvas is not first and view.canvas.widget.height == wanted < HEIGHT
    assert first.widget.comm is None and view.plot.children == (view.canvas.box,)
    second = view.canvas
    session.focus = ("lasso", (1, 2, 3))
    session.height = 920  # a few px: the map, its view and its lasso stay
    assert view.canvas is second
    session.height = 1000
    assert view.canvas is not second and sorted(view.canvas.widget.selection) == [1, 2, 3]


def test_a_view_that_is_replaced_may_first_be_made_and_is_heard_no_more():
    session, loop = session_of(pool_of()), Loop()
    view = MapView(session, loop)
    first = view.canvas
    session.height = 900
    assert view.canvas is not first and first.widget.comm is not None, "its page would throw without a model"
    first.pointer.hovered = 3
    assert session.hovered == -1
    loop.run()
    assert first.widget.comm is None and view.canvas.widget.comm is not None


def test_what_is_wished_of_the_form_in_a_narrow_panel_holds_for_narrow_ones():
    panel = explore(np.eye(4), run=False)
    [fold] = [one for one in widgets_in(panel) if "cx-fold" in getattr(one, "_dom_classes", ())]
    session = panel.session
    session.width = 1440
    assert "cx-folded" not in panel._dom_classes
    session.width = 800
    fold.click()
    fold.click()
    assert "cx-folded" in panel._dom_classes, "opened and closed"
    session.width = 1440
    assert "cx-folded" not in panel._dom_classes
    fold.click()
    session.width = 800
    fold.click()
    assert "cx-folded" not in panel._dom_classes, "opened here"
    session.width = 1440
    assert "cx-folded" in panel._dom_classes, "closed there"
