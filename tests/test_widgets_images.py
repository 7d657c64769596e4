"""The Images tab without a browser: which rows stand first and last, in which order, and what stands under them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coreset_explore import measures
from tests import panels
from widgets.explorer.images import ImagesView
from widgets.explorer.orders import ends


def view_of(n=400, classes=4, labels=True, data="pictures", **how):
    pool = panels.pool_of(n, classes, labels)
    found = {"pictures": panels.pictures_of, "table": panels.table_of, "nothing": lambda pool: None}[data](
        pool
    )
    session = panels.session_of(pool, found, **how)
    session.tab = "images"
    session.j = 3
    view = ImagesView(session)
    assert session.problem is None
    return view, session


def rows_of(view, section=0):
    return [[c["row"] for c in group] for group in view.gallery.sections[section]["groups"]]


def test_every_class_shows_its_first_and_last_seven_picks():
    view, session = view_of()
    assert view.gallery.head[:2] == ["First chosen", "Last chosen"]
    assert [s["label"] for s in view.gallery.sections] == [f"class <{c}>" for c in range(4)]
    for c in range(4):
        mine = [r for r in session.selection.indices.tolist() if r % 4 == c]
        assert len(mine) > 14
        assert rows_of(view, c) == [mine[:7], mine[-7:]]
        assert view.gallery.sections[c]["note"] == f"{len(mine)} selected"


def test_few_picks_are_shown_once():
    assert [r.tolist() for r in ends(np.arange(20), 7)] == [list(range(7)), list(range(13, 20))]
    assert [r.tolist() for r in ends(np.arange(3), 7)] == [[0, 1], [2]], (
        "few are halved, so that both columns say something"
    )
    assert [r.tolist() for r in ends(np.arange(0), 7)] == [[], []]


def test_rank_and_weight_stand_under_each():
    view, session = view_of()
    order = session.selection.indices.tolist()
    for group in view.gallery.sections[0]["groups"]:
        for cell in group:
            place = order.index(cell["row"])
            weight = float(session.selection.weights[place])
            assert cell["top"] == str(place + 1)
            assert float(cell["sub"].removeprefix("×")) == pytest.approx(weight, abs=0.5)
            assert cell["alt"].startswith(f"rank {place + 1}, class <0>, weight ")


def test_the_slider_changes_the_images():
    view, session = view_of()
    session.j = 0
    assert sorted(view.gallery.rows) == sorted(session.selection.indices.tolist())


def test_one_class_shows_up_to_63_at_either_end():
    view, session = view_of(2000, 2, budgets=(10, 600))
    session.j = 1
    session.only_class = 1
    mine = [r for r in session.selection.indices.tolist() if r % 2 == 1]
    assert len(mine) > 126 and rows_of(view) == [mine[:63], mine[-63:]]
    assert len(view.gallery.sections) == 1


def test_a_score_ranks_the_whole_class():
    view, session = view_of(score=True)
    view.order.value = "score"
    score = session.run.selection.score.numpy()
    for c in range(4):
        rows = np.arange(c, 400, 4)
        ranked = rows[np.argsort(-score[rows])]
        assert rows_of(view, c) == [ranked[:7].tolist(), ranked[-7:].tolist()]
    chosen = set(session.selection.indices.tolist())
    cells = [c for s in view.gallery.sections for g in s["groups"] for c in g]
    assert all(cell["mark"] == (cell["row"] in chosen) for cell in cells)
    assert any(not cell["mark"] for cell in cells)
    assert "of 100 selected" in view.gallery.sections[0]["note"]


def test_by_weight_the_heaviest_come_first():
    view, session = view_of()
    view.order.value = "weight"
    weight = dict(zip(session.selection.indices.tolist(), session.selection.weights.tolist()))
    first, last = rows_of(view)
    shown = [weight[r] for r in first + last]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == max(w for r, w in weight.items() if r % 4 == 0)


def test_orders_that_a_selection_lacks_are_not_offered():
    assert [name for _, name in view_of()[0].order.options] == ["pick", "weight", "far"]
    assert [name for _, name in view_of(weights=False)[0].order.options] == ["pick", "far"]
    assert [name for _, name in view_of(score=True)[0].order.options] == ["pick", "score", "weight", "far"]


def test_an_order_that_the_other_run_lacks_falls_back():
    view, session = view_of(score=True)
    view.order.value = "score"
    plain = panels.run_of(session.result.pool, "Herding", 5)
    session.result.runs["Herding"] = plain
    session.active = "Herding"
    assert view.order.value == "pick" and view.gallery.head[0] == "First chosen" and session.problem is None


def test_what_lies_farthest_from_every_pick_of_its_class_comes_first():
    view, session = view_of()
    view.order.value = "far"
    pool, picks = session.result.pool, session.selection.indices
    away = torch.cdist(pool.emb.double(), pool.emb[picks].double())
    for c in range(4):
        rows = [r for r in range(c, 400, 4) if r not in set(picks.tolist())]
        order = sorted(rows, key=lambda r: -float(away[r].min()))
        assert rows_of(view, c) == [order[:7], order[-7:]], "no pick among them"
    first = view.gallery.sections[0]["groups"][0][0]
    assert (
        float(first["top"]) == pytest.approx(float(away[first["row"]].min()), abs=0.05) and not first["sub"]
    )
    assert first["alt"].startswith(f"{first['top']} from the nearest pick, ")
    assert (
        view.gallery.head[0] == "Farthest from a pick"
        and "of 100 selected" in view.gallery.sections[0]["note"]
    )
    before = rows_of(view)
    session.j = 0
    assert rows_of(view) != before and session.problem is None


def test_distances_say_in_what_they_are_measured_whatever_the_method_reads():
    view, session = view_of()
    run = session.run
    for space, needs, weights in (("features", "history", None), ("features", "emb", "counts")):
        info = {"method": "x", "space": needs, "weights": weights, "params": {}}
        at = tuple(replace(one, info=info) for one in run.at)
        session.result.runs["CRAIG"] = replace(run, at=at)
        session.result = replace(session.result)
        view.order.value = "far"
        assert f"distance, {space}" in view.gallery.head[2] and session.problem is None


def test_what_takes_long_to_measure_is_waited_for_in_words(monkeypatch):
    view, session = view_of()
    monkeypatch.setattr(view.owners, "ask", lambda reading: None)
    view.order.value = "far"
    assert view.gallery.sections == [] and view.gallery.empty.startswith("Measuring how far")
    view.reading.owned(measures.represent(session.result.pool, session.selection))
    view.view.refresh()  # as Owners does
    assert len(view.gallery.sections) == 4 and session.problem is None


def test_many_classes_come_in_pages():
    view, session = view_of(2500, 25, budgets=(50, 100, 300, 500))
    assert [s["label"] for s in view.gallery.sections] == [f"class <{c}>" for c in range(10)]
    assert view.which.value == "1 to 10 of 25 classes" and view.back.disabled and not view.on.disabled
    view.on.click()
    view.on.click()
    assert [s["label"] for s in view.gallery.sections] == [f"class <{c}>" for c in range(20, 25)]
    assert view.on.disabled
    view.back.click()
    assert view.gallery.sections[0]["label"] == "class <10>"
    session.only_class = 3
    assert [s["label"] for s in view.gallery.sections] == [
        "class <3>"
    ] and "cx-hidden" in view.pager._dom_classes


def test_a_class_without_a_pick_says_so_and_the_rest_stand():
    view, session = view_of(400, 12, budgets=(3, 5, 6, 8))
    notes = [s["note"] for s in view.gallery.sections]
    counts = np.bincount(session.selection.indices.numpy() % 12, minlength=12)
    assert notes == [f"{c} selected" for c in counts] and 0 in counts


def test_without_labels_there_is_one_row():
    view, session = view_of(labels=False)
    assert len(view.gallery.sections) == 1 and view.gallery.sections[0]["label"] == ""
    picks = session.selection.indices.tolist()
    assert rows_of(view) == [picks[:40], picks[40:]]
    assert "cx-hidden" in view.only_field._dom_classes


def test_a_table_says_that_it_has_no_images_and_shows_cards():
    view, session = view_of(data="table")
    assert "table has no images" in view.told.value
    cells = [c for s in view.gallery.sections for g in s["groups"] for c in g]
    assert all(cell["card"][0].startswith("a ") for cell in cells)
    assert all(len(g) <= 4 for s in view.gallery.sections for g in s["groups"])


def test_no_data_shows_row_numbers():
    view, session = view_of(data="nothing")
    assert view.gallery.sections[0]["groups"][0][0]["card"] == [f"row {view.gallery.rows[0]:,}"]


def test_a_clicked_image_opens_the_map_at_what_it_represents():
    view, session = view_of()
    row = view.gallery.rows[2]
    view.gallery.picked = row
    assert session.tab == "map" and session.focus == ("click", (row,))


def test_the_same_view_is_not_sent_twice():
    view, session = view_of()
    serial = view.gallery.serial
    session.theme = "light"
    session.tab = "map"
    session.tab = "images"
    assert view.gallery.serial == serial
    session.theme = "dark"
    assert view.gallery.serial == serial + 1


def test_a_new_result_brings_its_own_pictures():
    view, session = view_of()
    pool = panels.pool_of(90, 3, seed=5)
    other = panels.session_of(pool, panels.pictures_of(pool, seed=7), budgets=(8, 16))
    with session.hold_trait_notifications():
        session.maps, session.result, session.j = other.maps, other.result, 1
    assert (
        sorted(set(view.gallery.rows)) == sorted(set(session.selection.indices.tolist()))
        and session.problem is None
    )
