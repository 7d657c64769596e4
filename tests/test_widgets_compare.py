"""Compare: four states by set algebra, strips of what only one has, the slider, swapping, another number of points."""

from dataclasses import replace

import numpy as np
import pytest

from coreset_explore.plots import palette
from tests.panels import BUDGETS, pictures_of, pool_of, session_of
from tests.tree import widgets_in
from widgets.explorer.compare import _codes, compare_panel
from widgets.explorer.compare_side import inks, side_html
from widgets.explorer.compare_strips import STRIP
from widgets.explorer.map_layout import how_made
from widgets.kit import encode
from widgets.kit.canvas import Canvas
from widgets.kit.gallery import Gallery
from widgets.kit.pictures import Pictures


def parts(panel) -> tuple[list, Gallery]:
    found = list(widgets_in(panel))
    return found, next(one for one in found if isinstance(one, Gallery))


@pytest.fixture
def session():
    pool = pool_of()
    made = session_of(pool, pictures_of(pool))
    made.tab = "compare"
    return made


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("j", range(len(BUDGETS)))
def test_the_four_states_are_set_algebra(j, nested):
    pool = pool_of()
    result = session_of(pool, nested=nested).result
    a, b = result.runs["CRAIG"], result.runs["Herding"]
    one, two = (set(run.at[j].indices.tolist()) for run in (a, b))
    codes, _ = _codes(result, a, b, j)
    state = encode.compare_states(j, len(BUDGETS))[codes[:, 0].astype(int)]
    rows = np.arange(len(pool))
    assert set(rows[state == 1]) == one - two
    assert set(rows[state == 2]) == two - one
    assert set(rows[state == 3]) == one & two
    assert (state == 0).sum() == len(pool) - len(one | two)
    text = side_html(result, a, b, j, Pictures.of(result))
    counts = {"a": one - two, "b": two - one, "both": one & two}
    assert all(f"data-{name}={len(rows)}" in text for name, rows in counts.items())
    assert f"{len(one & two) / len(one | two):.3f}" in text


def test_the_strips_hold_what_only_one_has_in_pick_order(session):
    _, strips = parts(compare_panel(session))
    for j in range(len(BUDGETS)):
        session.j = j
        a, b = (session.result.runs[n].at[j].indices.tolist() for n in ("CRAIG", "Herding"))
        only_a, only_b = [r for r in a if r not in b], [r for r in b if r not in a]
        assert strips.rows == only_a[:STRIP] + only_b[:STRIP]
        assert [s["note"] for s in strips.sections] == [f"{len(only_a):,} images", f"{len(only_b):,} images"]


def test_swapping_exchanges_the_two(session):
    found, strips = parts(compare_panel(session))
    before = [s["groups"] for s in strips.sections]
    next(one for one in found if getattr(one, "description", "") == "Swap").click()
    assert (session.compare_a, session.compare_b) == ("Herding", "CRAIG")
    after = [[cell["row"] for group in s["groups"] for cell in group] for s in strips.sections]
    assert after == [[cell["row"] for group in groups for cell in group] for groups in reversed(before)]


def test_the_same_method_on_both_sides_is_not_offered_by_itself(session):
    session.compare_b = "CRAIG"
    _, strips = parts(compare_panel(session))
    assert session.problem is None
    assert strips.sections[1]["note"] != "0 rows", "B falls back to another method"


def test_a_result_with_another_number_of_points_gets_a_new_view(session, monkeypatch):
    made = []
    init = Canvas.__init__
    monkeypatch.setattr(Canvas, "__init__", lambda self, *a: (made.append(self), init(self, *a))[1])
    compare_panel(session)
    assert len(made) == 1
    pool = pool_of(200)
    other = session_of(pool, pictures_of(pool))
    with session.hold_trait_notifications():
        session.maps, session.result = other.maps, other.result
    assert session.problem is None and len(made) == 2
    assert len(made[1].widget.points) == 200


def test_without_pictures_the_strips_are_cards(session):
    pool = pool_of()
    session = session_of(pool)
    session.tab = "compare"
    _, strips = parts(compare_panel(session))
    assert all(cell["card"] for s in strips.sections for group in s["groups"] for cell in group)


def test_hidden_it_is_left_alone_and_drawn_when_it_is_shown(session):
    view = compare_panel(session).view
    session.tab = "map"
    before, said = view.canvas.tick, view.side.value
    with session.hold_trait_notifications():
        session.j, session.theme, session.layout = 3, "dark", "UMAP"
    assert view.canvas.tick == before and view.side.value == said
    session.tab = "compare"
    assert view.canvas.tick > before and f"Overlap at {BUDGETS[3]} images" in view.side.value
    assert "Shown in PCA." in view.caption.value, "what that map says of itself"
    assert how_made("UMAP", None) == "UMAP of the features"
    drawn = view.canvas.tick
    session.tab = "map"
    session.tab = "compare"
    assert view.canvas.tick == drawn, "nothing changed, so nothing is sent"


def test_what_a_method_says_of_its_answer_stands_under_the_map_with_its_side(session):
    run = session.result.runs["Herding"]
    for selection in run.at:
        selection.info.update(stopped="residual exhausted after 8 of 80", ridge_binds="λ holds <all> down")
    caption = compare_panel(session).view.caption.value
    assert "B: Stopped: residual exhausted after 8 of 80." in caption
    assert "B: λ holds &lt;all&gt; down." in caption and "A: Stopped" not in caption


def test_the_pair_follows_the_session(session):
    view = compare_panel(session).view
    session.compare_a, session.compare_b = "Herding", "CRAIG"
    assert (view.pick_a.value, view.pick_b.value) == ("Herding", "CRAIG")
    assert view.caption.value.startswith("<p>A: Herding. B: CRAIG.")


@pytest.mark.parametrize("dark", [False, True])
def test_each_side_has_its_methods_color_and_none_is_grey(session, dark):
    styles = palette.method_styles(["CRAIG", "Herding"], dark)
    assert inks(session.result, "CRAIG", "Herding", dark) == (styles["CRAIG"].color, styles["Herding"].color)
    session.result.runs["Random"] = session.result.random
    for a, b in (("CRAIG", "Random"), ("Random", "CRAIG")):
        found = inks(session.result, a, b, dark)
        assert not any(map(palette.greyish, found)) and found[0] != found[1]
        assert styles["CRAIG"].color == found[0 if a == "CRAIG" else 1]
    session.theme = "dark" if dark else "light"
    view = compare_panel(session).view
    state = encode.compare_states(session.j, len(BUDGETS))
    colors = np.array(view.canvas.widget.color)
    for side, name in ((1, "CRAIG"), (2, "Herding")):
        style = palette.method_styles(list(session.result.runs), dark)[name]
        assert np.allclose(colors[state == side], encode.rgba(style.color))
        assert style.color in view.side.value


def test_the_map_answers_the_mouse_with_what_both_say_of_the_row(session):
    view = compare_panel(session).view
    session.j = 1
    a = session.result.runs["CRAIG"].at[1].indices.tolist()
    b = session.result.runs["Herding"].at[1].indices.tolist()
    row = next(row for row in a if row not in b)
    view.canvas.pointer.set_state({"hovered": row})
    card = view.canvas.pointer.card
    assert card["row"] == row and f"A CRAIG: Rank {a.index(row) + 1} of 16<br>Weight" in card["html"]
    assert "B Herding: Not" in card["html"] and f'data-row="{row}"' in card["html"]
    session.tags = {"odd": (row,)}
    assert '<span class="cx-tag">odd</span>' in view.canvas.pointer.card["html"]
    view.canvas.pointer.set_state({"pinned": row, "clicked": [row, 1]})
    view.canvas.pointer.set_state({"hovered": -1})
    session.j = 2
    assert f"A CRAIG: Rank {a.index(row) + 1} of 40" in view.canvas.pointer.card["html"], (
        "pinned, and follows"
    )
    view.canvas.pointer.set_state({"pinned": -1, "clicked": [-1, 2]})
    assert view.canvas.pointer.card["html"] == ""


@pytest.mark.parametrize("dark", [False, True])
def test_a_and_b_can_be_told_apart_whatever_methods_they_are(session, dark):
    names = ["GRAD-MATCH", "Random", "CRAIG", "k-center", "Facility Location", "k-means", "DUAL"]
    runs = dict.fromkeys(names, next(iter(session.result.runs.values())))
    result = replace(session.result, runs=runs)
    for a in names:
        for b in names:
            one, two = inks(result, a, b, dark)
            assert a == b or palette.distance(one, two) > 0.12, (a, b)
            assert not palette.greyish(one) and not palette.greyish(two)
