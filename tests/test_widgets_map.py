"""The Map without a browser: what it sends, what it says, what lasso, click and hover do."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from coreset_explore.measures import represent
from coreset_explore.plots import palette
from tests import panels
from widgets.explorer import map_sizes
from widgets.explorer.map import HEIGHT, MapView
from widgets.explorer.rows import said_class
from widgets.kit import canvas as canvas_module
from widgets.kit import encode
from widgets.kit.markup import short


def view_of(n=400, classes=4, labels=True, data="pictures", loop=None, seed=0, **how):
    pool = panels.pool_of(n, classes, labels, seed)
    found = {"pictures": panels.pictures_of, "table": panels.table_of, "nothing": lambda pool: None}[data](
        pool
    )
    session = panels.session_of(pool, found, **how)
    view = MapView(session, loop)
    assert session.problem is None
    return view, session


def standing_out(view):
    """Rows that the view draws large and opaque, looked up as the shader does."""
    widget = view.canvas.widget
    code = widget.points[:, 3].astype(int)
    large = np.array(widget.size)[code] > encode.rest_diameter(len(code))
    opaque = np.array(widget.opacity)[code] > 0.9
    assert (large == opaque).all()
    return set(np.flatnonzero(opaque).tolist())


def from_page(widget, **arrays):
    """What the page sends: arrays as views on a message's buffer."""
    state = {}
    for name, value in arrays.items():
        value = np.ascontiguousarray(value)
        state[name] = {"view": memoryview(value), "dtype": str(value.dtype), "shape": list(value.shape)}
    widget.set_state(state)


def lasso(view, rows):
    from_page(view.canvas.widget, selection=np.array(rows, np.uint32))
    from_page(view.canvas.widget, lasso_selection_polygon=np.zeros((3, 2), np.float32))


def click(view, row):
    pointer = view.canvas.pointer
    pointer.set_state({"pinned": row, "clicked": [row, pointer.clicked[1] + 1]})


def card(view):
    """The card's HTML, as the page has it."""
    return view.canvas.pointer.card.get("html", "")


class Sent:
    """Counts what a widget sends to the page."""

    def __init__(self, widget, monkeypatch):
        self.messages = []
        monkeypatch.setattr(
            widget, "_send", lambda message, buffers=None: self.messages.append((message, buffers))
        )

    @property
    def bytes(self):
        return sum(
            len(json.dumps(m).encode()) + sum(memoryview(b).nbytes for b in bs or ())
            for m, bs in self.messages
        )

    @property
    def names(self):
        return {name for m, _ in self.messages for name in m["state"]} | {
            path[0] for m, _ in self.messages for path in m.get("buffer_paths", ())
        }


# -- what is drawn ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", [True, False])
def test_every_budget_shows_exactly_its_picks(nested):
    view, session = view_of(nested=nested)
    for j in [0, 3, 1, 2, 0]:
        session.j = j
        assert standing_out(view) == set(session.run.at[j].indices.tolist())


def test_the_other_run_shows_its_own_picks_on_the_same_places():
    view, session = view_of()
    before = view.canvas.widget.points[:, :2].copy()
    session.active = "Herding"
    assert standing_out(view) == set(session.result.runs["Herding"].at[0].indices.tolist())
    assert (view.canvas.widget.points[:, :2] == before).all() and view.canvas.widget.non_spatial_points_update


def test_a_move_sends_tables_alone_and_less_than_64_kB(monkeypatch):
    budgets = tuple(range(100, 2100, 100))
    view, session = view_of(20_000, 100, loop=panels.Loop(), budgets=budgets)
    sent = Sent(view.canvas.widget, monkeypatch)
    for j in (1, 7, 19):
        sent.messages.clear()
        session.j = j
        assert len(sent.messages) == 1, "one message a move"
        assert 0 < sent.bytes < 64_000
        assert sent.names <= {"color", "size", "opacity"}


def test_moving_makes_no_result_stale():
    view, session = view_of()
    session.j = 2
    assert not session.stale


def test_every_move_changes_the_set_of_sizes_and_opacities():
    """Else the page keeps the old texture: the map would lag a step behind (regl-scatterplot's hasSameElements)."""
    view, session = view_of(loop=panels.Loop())
    for j in [1, 2, 1, 0, 3, 2]:
        before = set(view.canvas.widget.size), set(view.canvas.widget.opacity)
        session.j = j
        assert set(view.canvas.widget.size) != before[0] and set(view.canvas.widget.opacity) != before[1]


def test_sizes_are_stated_once_the_slider_rests():
    loop = panels.Loop()
    view, session = view_of(loop=loop)
    session.j = 1
    session.j = 2
    before = view.canvas.widget.points.copy()
    assert [c.seconds for c in loop.calls if not c.cancelled] == [0.3]
    assert loop.run() == 1
    after = view.canvas.widget.points
    assert not (after == before).all() and (after[:, :2] == before[:, :2]).all()
    selection = session.run.at[2]
    size = np.array(view.canvas.widget.size)[after[:, 3].astype(int)][selection.indices.numpy()]
    weight = selection.weights.numpy()
    heavier = np.argsort(weight)
    assert (np.diff(size[heavier]) >= 0).all() and size[heavier][-1] > size[heavier][0]


def test_a_large_map_waits_longer_and_the_largest_keeps_its_sizes_and_says_so(monkeypatch):
    loop = panels.Loop()
    view, session = view_of(20_001, loop=loop)
    session.j = 1
    assert [c.seconds for c in loop.calls] == [1.0] and "Dots keep" not in view.side.value
    loop.run()
    monkeypatch.setattr(map_sizes, "RESTATED", 20_000)
    view, session = view_of(20_001, loop=loop)
    sent = Sent(view.canvas.widget, monkeypatch)
    session.j = 2
    loop.run()
    assert "points" not in sent.names and standing_out(view) == set(session.run.at[2].indices.tolist())
    assert "Dots keep the size of their weight at 80 images." in view.side.value


def test_methods_without_prefixes_are_restated_at_any_size(monkeypatch):
    monkeypatch.setattr(map_sizes, "RESTATED", 100)
    loop = panels.Loop()
    view, session = view_of(loop=loop, nested=False)
    session.j = 2
    loop.run()
    assert standing_out(view) == set(session.run.at[2].indices.tolist())


def test_points_wait_until_the_view_is_free():
    """jupyter-scatter drops points that arrive while its first drawing runs."""
    loop = panels.Loop()
    view, session = view_of(loop=loop)
    assert view.canvas.widget.points.shape == (400, 4), "filled before the view is attached"
    first = view.canvas.widget.points.copy()
    view.canvas.widget.set_trait("dom_element_id", "abc")
    session.layout = "UMAP"
    session.active = "Herding"
    assert (view.canvas.widget.points == first).all()
    assert len(loop.calls) == 1
    session.j = 3  # a move meanwhile changes what waits, and is not lost
    view.canvas._free = 0.001
    loop.run()
    assert standing_out(view) == set(session.result.runs["Herding"].at[3].indices.tolist())
    assert view.canvas.widget.non_spatial_points_update is False


def test_another_number_of_points_makes_a_new_view():
    view, session = view_of()
    old, one = view.canvas, session.result
    other = panels.session_of(panels.pool_of(90), None, budgets=(8, 16))
    with session.hold_trait_notifications():
        session.maps, session.result = other.maps, other.result
    assert view.canvas is not old and view.canvas.widget.points.shape == (90, 4)
    assert view.plot.children == (view.canvas.box,) and one.n == 400
    assert session.problem is None


def test_first_picks_are_drawn_last():
    view, session = view_of()
    drawn = view.canvas.widget.point_order
    assert set(drawn[-8:].tolist()) == set(session.run.at[0].indices.tolist())


def test_colors_of_the_canvas_are_floats_and_follow_the_theme():
    view, session = view_of()
    for theme, level in (("light", 1.0), ("dark", 0.13)):
        session.theme = theme
        for color in (view.canvas.widget.background_color, view.canvas.widget.lasso_color):
            assert isinstance(color, list) and all(isinstance(c, float) for c in color)
        assert view.canvas.widget.background_color[:3] == [level] * 3


def test_color_by_rank_and_weight():
    view, session = view_of()
    shown = standing_out(view)
    for by, column in (("rank", "valueA"), ("weight", "valueB")):
        session.color_by = by
        assert view.canvas.widget.color_by == column and standing_out(view) == shown
        code = view.canvas.widget.points[:, 2 if column == "valueA" else 3].astype(int)
        assert code.max() < len(view.canvas.widget.color)


def test_one_class_alone_hides_the_others_and_comes_back():
    view, session = view_of()
    session.only_class = 2
    assert view.canvas.widget.filter.tolist() == list(range(2, 400, 4))
    session.only_class = -1
    assert view.canvas.widget.filter is None


def test_narrow_panels_move_the_camera_back_and_keep_the_height():
    view, session = view_of()
    session.width = 505
    assert 1.1 < view.canvas.widget.camera_distance < 1.2 and view.canvas.widget.height == HEIGHT
    session.width = 1260
    assert view.canvas.widget.camera_distance == 1.0


def test_an_unfinished_layout_keeps_the_map_and_says_so():
    view, session = view_of()
    before = view.canvas.widget.points.copy()
    with session.hold_trait_notifications():
        session.layout, session.layout_note = "t-SNE", "Computing t-SNE, 43 %"
    assert (view.canvas.widget.points == before).all()
    assert "Computing t-SNE, 43 %; until then PCA" in view.busy.value and "shown in PCA" in view.caption.value
    with session.hold_trait_notifications():
        session.maps = {**session.maps, "t-SNE": panels.plane_of(session.result.pool, 3)}
        session.layout_note = ""
    assert not (view.canvas.widget.points == before).all() and view.busy.value == ""
    assert view.canvas.widget.non_spatial_points_update is False


def test_a_layout_that_is_finished_does_not_replace_the_one_under_a_lasso():
    view, session = view_of()
    lasso(view, [3, 4, 5])
    before = view.canvas.widget.points.copy()
    with session.hold_trait_notifications():
        session.maps = {**session.maps, "t-SNE": panels.plane_of(session.result.pool, 3)}
        session.layout = "t-SNE"
    assert (view.canvas.widget.points == before).all() and "shown in PCA" in view.caption.value
    assert "t-SNE is ready, and shown once the lasso is cleared" in view.busy.value
    session.layout = "UMAP"  # one that was there when the lasso was drawn is a wish
    assert not (view.canvas.widget.points == before).all() and view.busy.value == ""
    session.layout = "t-SNE"
    from_page(view.canvas.widget, selection=np.array([], np.uint32))
    assert "t-SNE is ready" not in view.busy.value and "shown in PCA" in view.caption.value


def test_all_points_are_colored_by_what_there_is_and_picks_stay_large():
    view, session = view_of(score=True)
    pool = session.result.pool
    offered = {value for _, value in view.tools.color_by.options}
    assert offered == {"class", "rank", "weight", "all class", "score", "distance"}
    logits = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))
    more = pool.add(logits=logits, risk=torch.linspace(0, 1, 400))
    session.result = replace(session.result, pool=more)
    session.tags = {"odd": [int(more.ids[7]), int(more.ids[9])], "empty": []}
    offered = {value for _, value in view.tools.color_by.options}
    assert {"prediction", "score", "loss", "tag", "column risk"} <= offered

    def shade():
        widget = view.canvas.widget
        assert widget.color_by == "valueA"
        return np.array(widget.color)[widget.points[:, 2].astype(int)]

    large = encode.rest_diameter(400)
    for by, groups in {"all class": pool.y.numpy(), "prediction": logits.argmax(1).numpy()}.items():
        session.color_by = by
        wanted = np.array([encode.rgba(c) for c in palette.class_colors(4)])[groups]
        assert np.allclose(shade(), wanted)
        size = np.array(view.canvas.widget.size)[view.canvas.widget.points[:, 3].astype(int)]
        assert set(np.flatnonzero(size > large)) == set(session.selection.indices.tolist())
    losses = torch.nn.functional.cross_entropy(logits, pool.y, reduction="none")
    for by, values in {
        "loss": losses,
        "column risk": more.risk,
        "score": session.run.selection.score,
    }.items():
        session.color_by = by
        steps = np.argsort(np.argsort(values.numpy())) * 10 // 400
        found = shade()
        assert len({tuple(c) for c in found}) <= 10
        for step in range(10):
            assert len({tuple(c) for c in found[steps == step]}) == 1, "as many points in each step"
    session.color_by = "tag"
    rest = encode.rgba(palette.ink("rest"))
    assert set(np.flatnonzero(~np.isclose(shade(), rest).all(1))) == {7, 9}
    assert "Color: Tag" in view.side.value and "odd <u>2</u>" in view.side.value and session.problem is None


def steps_of(view):
    """The color of each point by its place in the ramp of ten, 10 for none."""
    widget = view.canvas.widget
    ramp = {tuple(encode.rank_color(1 - step / 9, False)): step for step in range(10)}
    return np.array(
        [ramp.get(tuple(c), 10) for c in np.array(widget.color)[widget.points[:, 2].astype(int)].tolist()]
    )


def test_distances_to_a_pick_are_of_the_budget_under_the_slider():
    view, session = view_of()
    session.color_by = "distance"
    for j in (3, 0):
        session.j = j
        emb, picks = session.result.pool.emb.double(), session.selection.indices
        away = torch.cdist(emb, emb[picks]).amin(1)
        found = steps_of(view)
        assert set(found) <= set(range(10)) and (np.diff(found[away.argsort()]) >= 0).all()
        assert "Distance to a pick, features" in view.side.value
    assert session.problem is None


def test_what_a_search_found_is_shown_alone_and_with_one_class():
    view, session = view_of()
    session.found = [2, 3, 6]
    assert view.canvas.widget.filter.tolist() == [2, 3, 6]
    session.only_class = 2
    assert view.canvas.widget.filter.tolist() == [2, 6]
    session.found = None
    assert view.canvas.widget.filter.tolist() == list(range(2, 400, 4))


def test_ones_own_map_is_offered():
    view, session = view_of()
    session.maps = {**session.maps, "Yours": panels.plane_of(session.result.pool, 3)}
    assert "Yours" in view.tools.layout.options
    view.tools.layout.value = "Yours"
    assert session.layout == "Yours" and "shown in your own map" in view.caption.value


def test_the_toolbar_writes_the_session_and_follows_it():
    view, session = view_of()
    view.tools.active.value = "Herding"
    view.tools.color_by.value = "rank"
    view.tools.only_class.value = 1
    assert (session.active, session.color_by, session.only_class) == ("Herding", "rank", 1)
    session.active = "CRAIG"
    assert view.tools.active.value == "CRAIG"
    view.tools.mouse.value = "lasso"
    assert view.canvas.widget.mouse_mode == "lasso"


# -- lasso, click, hover --------------------------------------------------------------------------------------------


def test_a_lasso_shows_its_rows_selected_first():
    view, session = view_of()
    session.j = 3
    rows = np.random.default_rng(4).permutation(400)[:60]
    lasso(view, rows)
    picked = [r for r in session.run.at[3].indices.tolist() if r in set(rows)]
    others = sorted(set(rows.tolist()) - set(picked))
    shown = view.under.strip.rows
    marked = [c["row"] for c in view.under.strip.sections[0]["groups"][0] if c["mark"]]
    assert marked == picked[: len(marked)] and shown[len(marked) :] == others[: len(shown) - len(marked)]
    assert (
        len(shown) == 18
        and f"Lasso: 60 images, {len(picked)} selected ({len(picked) / 0.6:.1f} %)" in view.under.head.value
    )
    assert set(session.focus[1]) == set(rows.tolist())
    drawn = view.canvas.widget.selection.tolist()
    assert drawn[: len(picked)] == picked and set(drawn) == set(rows.tolist()), "the first are drawn on top"


def test_a_lasso_stays_while_the_slider_moves():
    view, session = view_of()
    lasso(view, np.arange(200))
    session.j = 2
    inside = sum(r < 200 for r in session.run.at[2].indices.tolist())
    assert f"Lasso: 200 images, {inside} selected" in view.under.head.value
    assert sorted(view.canvas.widget.selection.tolist()) == list(range(200))


def test_the_same_rows_in_another_order_are_sent_anew(monkeypatch):
    """The page ignores a selection whose set of rows it has; an empty one between makes it look."""
    view, session = view_of()
    view.canvas.ring([1, 2, 3], "lasso")
    sent = Sent(view.canvas.widget, monkeypatch)
    view.canvas.ring([3, 2, 1], "lasso")
    assert [memoryview(b[0]).nbytes for _, b in sent.messages] == [0, 12]


def test_a_lasso_round_one_point_is_a_lasso():
    view, session = view_of()
    lasso(view, [7])
    assert session.focus == ("lasso", (7,)) and "Lasso: 1 image, " in view.under.head.value


def test_rows_from_the_page_are_copied():
    view, session = view_of()
    buffer = np.array([3, 4, 5], np.uint32)
    from_page(view.canvas.widget, selection=buffer)
    buffer[:] = 0
    assert session.focus == ("lasso", (3, 4, 5))


def test_a_lasso_keeps_its_colors_and_what_a_pick_stands_for_has_the_picks():
    view, session = view_of()
    widget = view.canvas.widget
    lasso(view, [3, 4, 5])
    # one color is ignored: as many as the points have would be drawn in their stead
    assert len(widget.color_selected) == 4 and isinstance(widget.color_selected[0], float)
    assert widget.regl_scatterplot_options["pointSizeSelected"] < 0.1
    pick = int(session.selection.indices[0])
    faded = widget.opacity_unselected
    session.focus = ("click", (pick,))
    for color_by in ("class", "weight", "rank", "class"):
        session.color_by = color_by
        code = int(widget.points[pick, 3 if color_by == "weight" else 2])
        assert widget.color_selected == widget.color_hover == [widget.color[code]] * len(widget.color)
    assert widget.opacity_unselected < faded
    assert widget.regl_scatterplot_options["pointSizeSelected"] > 1, "small points are seen too"
    assert view.canvas.pointer.halo == [pick] and int(widget.selection[0]) == pick, "the pick is on top"
    session.focus = ("", ())
    assert view.canvas.pointer.halo == [] and len(widget.selection) == 0
    assert len(widget.color_selected) == 4 and isinstance(widget.color_selected[0], float)


@pytest.mark.parametrize("per_class", [False, True])
def test_a_clicked_pick_shows_what_it_represents(per_class):
    view, session = view_of(per_class=per_class)
    session.j = 1
    owner, distance = (t.numpy() for t in represent(session.result.pool, session.run.at[1]))
    for place, row in enumerate(session.run.at[1].indices.tolist()):
        session.focus = ("click", (row,))
        members = np.flatnonzero(owner == place)
        assert f"rank {place + 1}, represents {len(members) - 1:,} other image" in view.under.head.value
        assert set(view.canvas.widget.selection.tolist()) == set(members.tolist())
        first, *groups = view.under.strip.sections[0]["groups"]
        assert [c["row"] for c in first] == [row] and first[0]["mark"]
        shown = [c["row"] for g in groups for c in g]
        assert set(shown) <= set(members) - {row}
        assert (np.diff(distance[shown]) >= 0).all(), "nearest first"
        if per_class:
            labels = session.result.pool.y.numpy()
            assert len(set(labels[members])) == 1


def test_a_clicked_point_that_is_no_pick_shows_its_pick():
    view, session = view_of()
    owner, _ = represent(session.result.pool, session.selection)
    row = next(r for r in range(400) if r not in session.selection.indices.tolist())
    click(view, row)
    first = [c["row"] for c in view.under.strip.sections[0]["groups"][0]]
    assert first == [row, int(session.selection.indices[owner[row]])]
    assert f"Not selected: represented by rank {int(owner[row]) + 1}" in view.under.head.value


def test_a_clicked_point_that_is_like_no_pick_says_so(monkeypatch):
    """By similarities that were given there may be such."""
    view, session = view_of()
    row = next(r for r in range(400) if r not in session.selection.indices.tolist())
    owner, distance = represent(session.result.pool, session.selection)
    owner[row] = -1
    monkeypatch.setattr("coreset_explore.measures.represent", lambda *_: (owner, distance))
    click(view, row)
    assert "no selected image is like it" in view.under.head.value
    assert [[c["row"] for c in group] for group in view.under.strip.sections[0]["groups"]] == [[row]]


def test_what_a_click_stands_for_waits_for_the_slider_to_rest():
    loop = panels.Loop()
    view, session = view_of(loop=loop)
    session.focus = ("click", (int(session.selection.indices[0]),))
    before = view.under.head.value
    session.j = 3
    assert view.under.head.value == before
    loop.run()
    assert view.under.head.value != before and "rank 1, represents" in view.under.head.value


def test_clearing_the_selection_shows_the_first_chosen_again():
    view, session = view_of()
    lasso(view, [3, 4, 5])
    from_page(view.canvas.widget, selection=np.array([], np.uint32))
    assert session.focus == ("", ()) and "First chosen" in view.under.head.value
    assert view.under.strip.rows == session.selection.indices.tolist()[:18]


def test_a_clicked_thumbnail_asks_what_it_represents():
    view, session = view_of()
    row = view.under.strip.rows[3]
    view.under.strip.picked = row
    assert session.focus == ("click", (row,)) and view.under.strip.rows[0] == row


def test_the_card_of_a_selected_a_later_and_a_never_point():
    view, session = view_of()
    session.j = 1
    order = session.run.selection.indices.tolist()
    pointer = view.canvas.pointer
    pointer.set_state({"hovered": order[2]})
    assert "Rank 3 of 16" in card(view) and f"row {order[2]}" in card(view) and "Weight <b>" in card(view)
    pointer.set_state({"hovered": order[20]})
    assert "Not yet selected: from 40 images on" in card(view) and "Weight" not in card(view)
    never = next(r for r in range(400) if r not in order)
    pointer.set_state({"hovered": never})
    assert "Not selected" in card(view)
    pointer.set_state({"hovered": -1})
    assert card(view) == "" and session.hovered == -1


def test_a_click_pins_the_card_which_follows_the_slider():
    view, session = view_of()
    order = session.run.selection.indices.tolist()
    click(view, order[2])
    assert session.focus == ("click", (order[2],)) and "Rank 3 of 8" in card(view)
    session.j = 2
    assert "Rank 3 of 40" in card(view)
    session.hovered = order[7]  # a thumbnail under the mouse shows its own meanwhile
    assert "Rank 8 of 40" in card(view)
    session.hovered = -1
    assert "Rank 3 of 40" in card(view)
    click(view, -1)
    assert card(view) == "" and session.focus == ("", ())
    for rows in ([3, 4, 5], []):  # a lasso, or Escape
        click(view, order[2])
        from_page(view.canvas.widget, selection=np.array(rows, np.uint32))
        assert card(view) == "" and view.canvas.pointer.pinned == -1


def test_a_pinned_card_that_is_clicked_asks_for_the_row_large():
    view, session = view_of()
    view.canvas.pointer.set_state({"opened": [7, 1]})
    assert session.opened == (7, (7,), "")


def test_a_click_beside_all_dots_leaves_a_lasso():
    view, session = view_of()
    lasso(view, [3, 4, 5])
    click(view, -1)
    assert session.focus == ("lasso", (3, 4, 5))


def test_the_card_tells_what_the_model_takes_the_row_for_and_its_score():
    view, session = view_of(score=True)
    logits = torch.zeros(400, 4)
    logits[:, 3] = 9.0
    session.result.pool.fields["logits"] = logits
    session.hovered = 1
    score = session.selection.score
    place = int((score > score[1]).sum()) + 1
    assert "≠ Predicted class &lt;3&gt;" in card(view)
    assert f"{place:,} of 400" in card(view)


def test_the_card_shows_the_rows_tags_and_follows_them():
    view, session = view_of()
    session.hovered = 3
    assert "cx-tag" not in card(view)
    session.tags = {"to <check>": (3, 5), "odd": (4,)}
    assert '<span class="cx-tag">to &lt;check&gt;</span>' in card(view) and "odd" not in card(view)
    session.hovered = 4
    assert '<span class="cx-tag">odd</span>' in card(view) and "check" not in card(view)
    session.tags = {}
    assert "cx-tag" not in card(view) and session.problem is None


def test_the_cards_picture_is_that_rows():
    view, session = view_of()
    for row in (5, 17):
        session.hovered = row
        source = card(view).split('src="')[1].split('"')[0]
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))
        assert (pixels == session.result.data.thumbnail(row)).all()


def test_a_hovered_thumbnail_is_highlighted_on_the_map():
    view, session = view_of()
    view.under.strip.hovered = view.under.strip.rows[2]
    assert view.canvas.pointer.pointed == view.under.strip.rows[2] and "Rank 3 of 8" in card(view)
    view.under.strip.hovered = -1
    assert view.canvas.pointer.pointed == -1 and card(view) == ""


# -- what is said -----------------------------------------------------------------------------------------------


def test_numbers_stand_beside_randoms_with_arrows_and_no_judgement():
    view, session = view_of()
    session.j = 1
    said = view.side.value
    assert "At 16 images" in said and "mean distance ↓<br>random 0.2" in said and "coverage radius ↓" in said
    assert "cx-good" not in said and "green" not in said
    kish = session.run.numbers["effective_size"][1]
    assert f'<span class="cx-num">{kish:,.0f}</span>' in said and "of 16" in said


def test_numbers_that_were_not_measured_say_so():
    view, session = view_of()
    session.result.runs["CRAIG"].numbers.update(gradient_error=[None] * 4)
    session.j = 2
    assert "gradient error ↓<br>not measured" in view.side.value


def test_uneven_weights_are_warned_about():
    view, session = view_of()
    session.result.runs["CRAIG"].numbers.update(effective_size=[1.0] * 4)
    session.j = 2
    assert "make training diverge" in view.side.value


def test_class_bars_equal_the_picks():
    view, session = view_of()
    session.j = 3
    counts = np.bincount(session.selection.indices.numpy() % 4, minlength=4)
    for c, count in enumerate(counts):
        assert f'title="class &lt;{c}&gt;: {count} picks, 20.0 by its share"' in view.side.value


def test_many_classes_show_the_largest_and_count_the_rest():
    view, session = view_of(4000, 100)
    session.j = 3
    assert view.side.value.count('class="cx-share"') == 11 and "and 89 more classes with" in view.side.value


def test_weights_alike_and_no_weights_say_so():
    view, session = view_of(weights=False)
    assert "This selection states none." in view.side.value and "size is weight" not in view.caption.value


def test_the_caption_names_both_spaces_and_classes_without_a_pick():
    view, session = view_of(classes=60)
    counts = np.bincount(session.selection.indices.numpy() % 60, minlength=60)
    said = view.caption.value
    assert (
        "8 of 400 images of noise &lt;b&gt; chosen by CRAIG in features, seed 0; shown in PCA of the features."
        in said
    )
    assert "No pick in class &lt;" in said and f"and {(counts == 0).sum() - 4:,} more." in said


@pytest.mark.parametrize(
    "value, said",
    [
        (34.4, "34"),
        (3.21, "3.2"),
        (0.041, "0.04"),
        (0.001, "0.00"),
        (9.96, "10"),
        (1155, "1.2k"),
        (12_345, "12k"),
    ]
    + [(0, "0"), (2.0, "2"), (-3.14, "-3.1"), (999.7, "1.0k"), (0.999, "1.0")],
)
def test_weights_are_written_in_four_characters(value, said):
    assert short(value) == said and len(said.removeprefix("-")) <= 4


def test_a_class_that_is_a_number_is_called_a_class():
    assert said_class("7") == "class 7" and said_class("Bag") == "Bag"


def test_markup_in_names_is_escaped():
    view, session = view_of()
    session.hovered = 3
    for shown in (view.side.value, card(view), view.caption.value, view.under.head.value, view.busy.value):
        assert "class <" not in shown and "noise <b>" not in shown
    assert "<b>class &lt;3&gt;</b>" in card(view)


def test_data_without_labels_has_no_class_and_all_else():
    view, session = view_of(labels=False)
    session.j = 2
    assert "cx-hidden" in view.tools.classes._dom_classes and "Selected per class" not in view.side.value
    assert standing_out(view) == set(session.selection.indices.tolist())
    session.focus = ("click", (int(session.selection.indices[0]),))
    assert "Rank 1, represents" in view.under.head.value


def test_a_table_shows_cards():
    view, session = view_of(data="table")
    session.hovered = 2
    assert "<td>a</td>" in card(view) and "<img" not in card(view)
    assert len(view.under.strip.rows) == 8 and view.under.strip.sections[0]["groups"][0][0]["card"][
        0
    ].startswith("a ")
    assert "8 of 400 rows of table chosen" in view.caption.value


def test_no_data_at_all_names_the_rows():
    view, session = view_of(data="nothing")
    session.hovered = 2
    assert "row 2" in card(view) and view.under.strip.sections[0]["groups"][0][0]["card"][0].startswith(
        "row "
    )


def test_a_method_that_stopped_says_why():
    view, session = view_of()
    run = session.run
    for selection in run.at:
        selection.info["stopped"] = "residual exhausted after 8 of 80"
    session.j = 2
    assert "Stopped: residual exhausted after 8 of 80." in view.caption.value


def test_a_ridge_that_binds_is_told_beside_the_numbers_and_at_which_budget():
    view, session = view_of()
    said = "λ = 0.5 holds the weights down: they add up to 22 of 400 rows; lower ridge"
    for selection in session.run.at:
        selection.info["ridge_binds"] = said
    session.j = 2
    assert f"{said}." in view.caption.value and "At 80 picks" not in view.caption.value
    session.run.at[1].info["prefix_of"] = 80
    session.j = 1
    assert f"At 80 picks: {said}." in view.caption.value
    session.run.at[0].info["ridge_binds"] = {"<1>": said, "<3>": "another"}  # as per_class tells it
    session.j = 0
    assert f"in class &lt;1&gt; and 1 more, {said}." in view.caption.value


def test_before_the_first_result_nothing_is_drawn():
    from widgets.explorer.session import Session

    session = Session()
    view = MapView(session)
    assert view.canvas is None and view.plot.children == () and session.problem is None


def test_a_hidden_map_waits_and_catches_up():
    view, session = view_of()
    session.tab = "images"
    before = view.canvas.tick
    session.j = 3
    assert view.canvas.tick == before
    session.tab = "map"
    assert standing_out(view) == set(session.selection.indices.tolist())


@pytest.mark.parametrize("nested", [True, False])
def test_a_slider_moved_while_the_map_was_hidden_states_sizes_and_picks_once_it_is_shown(nested):
    loop = panels.Loop()
    view, session = view_of(loop=loop, nested=nested)
    session.tab = "images"
    session.j = 2
    session.tab = "map"
    assert loop.run() == 1
    assert standing_out(view) == set(session.run.at[2].indices.tolist())
    fresh, _ = view_of(nested=nested)
    fresh.session.j = 2
    assert (view.canvas.widget.points == fresh.canvas.widget.points).all()


def test_a_failure_in_a_callback_becomes_the_sessions_problem(monkeypatch):
    view, session = view_of(loop=panels.Loop())
    monkeypatch.setattr(canvas_module.Canvas, "look", lambda self, table: 1 / 0)
    session.j = 2
    assert session.problem is not None and "ZeroDivisionError" in session.problem.details
