"""Search and tags: which rows a query finds, against a loop over all of them; and who follows."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

from tests import panels
from tests.tree import widgets_in
from widgets import explore
from widgets.explorer.compare import CompareView
from widgets.explorer.images import ImagesView
from widgets.explorer.map import MapView
from widgets.explorer.map_side import card
from widgets.explorer.rows import Reading
from widgets.explorer.search import columns_field, columns_first, finder, search_field, tags_of_each_data
from widgets.explorer.table import about_rows, every_method, picks
from widgets.kit.cards import Shown
from widgets.kit.gallery import card as cell_card
from widgets.kit.pictures import Pictures
from widgets.kit.search import Search
from widgets.kit.session import Session
from widgets.kit.tags import checked, rows_of, tagged, tags_of

N = 120
TEXTS = [f"{['Red', 'green', 'BLUE'][i % 3]} apples, number {i}" for i in range(N)]
FRAME = pd.DataFrame(
    {
        "price": np.arange(N) * 0.5,
        "City Name": [["Oslo", "Bergen", None][i % 3] for i in range(N)],
        "count": pd.array([None if i % 10 == 0 else i for i in range(N)], dtype="Int64"),
        "when": pd.date_range("2026-01-01", periods=N),
    }
)
SHOWN = Shown(texts=TEXTS, records=FRAME)


def search(shown=SHOWN, ids=None, rows=None, n=N, classes=None):
    return Search(n, Pictures(None, ids, rows, shown), classes)


def every(holds):
    return [i for i in range(N) if holds(i)]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("red", lambda i: i % 3 == 0),
        ("RED apples", lambda i: i % 3 == 0),
        ('"blue apples"', lambda i: i % 3 == 2),
        ('"apples blue"', lambda i: False),
        ("apples blue", lambda i: i % 3 == 2),
        ("apple", lambda i: True),
        ('"apple"', lambda i: False),
        ('"apples,"', lambda i: True),
        ('", number 1"', lambda i: i == 1),
        ('"City Name":"osl"', lambda i: False),
        ('"City Name":"oslo"', lambda i: i % 3 == 0),
        ("oslo", lambda i: i % 3 == 0),
        ("price>50", lambda i: i * 0.5 > 50),
        ("price>=50", lambda i: i * 0.5 >= 50),
        ("price<2 red", lambda i: i * 0.5 < 2 and i % 3 == 0),
        ("price:7.5", lambda i: i == 15),
        ("price=7.5", lambda i: i == 15),
        ("count<5", lambda i: 0 < i < 5),
        ('"city name":berg', lambda i: i % 3 == 1),
        ('"City Name"=bergen', lambda i: i % 3 == 1),
        ('"City Name"=berg', lambda i: False),
        ("when:2026-01-0", lambda i: i < 9),
        ("price:word", lambda i: False),
        ("nothing:here", lambda i: False),
        ("7.5", lambda i: i == 15),
        ("xyzzy", lambda i: False),
        ('""', lambda i: True),
        ("[.*", lambda i: False),
        ("a" * 1000, lambda i: False),
    ],
)
def test_a_query_finds_what_a_loop_finds(query, holds):
    assert search().find(query).tolist() == every(holds)


@pytest.mark.parametrize("query", ["", "  ", "\t"])
def test_no_query_finds_nothing_and_not_no_row(query):
    assert search().find(query) is None


def test_classes_predictions_and_tags():
    codes = np.arange(N) % 2
    found = search(classes={"class": (codes, ["cat", "dog"]), "predicted": (1 - codes, ["cat", "dog"])})
    assert found.find("cat").tolist() == every(lambda i: i % 2 == 0), "a bare word is no prediction"
    assert found.find("class:dog predicted:dog").tolist() == []
    assert found.find("predicted:dog").tolist() == every(lambda i: i % 2 == 0)
    assert found.find("tag:odd", {"Odd one": np.array([3, 7])}).tolist() == [3, 7]
    assert found.find("odd cat", {"Odd one": np.array([3, 8])}).tolist() == [8]


def test_rows_of_the_pool_are_searched_and_not_those_of_the_data():
    rows = np.array([5, 3, 9, 30])
    found = search(ids=rows, rows=rows, n=4)
    assert found.find("red").tolist() == [1, 2, 3], "rows 3, 9 and 30 of the data"
    assert found.find("price:15").tolist() == [3]
    assert found.find("9").tolist() == [2], "a number is a row's name too, or in its text"


def test_columns_of_one_name_are_both_searched():
    frame = pd.DataFrame([["x", "y"], ["y", "z"]], columns=["a", "a"])
    assert search(Shown(records=frame), n=2).find("a:y").tolist() == [0, 1]
    assert search(Shown(records=frame), n=2).find("a=z").tolist() == [1]


def test_values_of_any_kind_are_searched():
    held = [[1, "Deep"], {"a": 2}, None, b"bytes", 3, "3", np.nan, pd.NaT, pd.Timestamp("2026-05-01"), (1, 2)]
    found = search(Shown(records=pd.DataFrame({"a": pd.Series(held, dtype=object)})), n=len(held))
    assert found.find("deep").tolist() == [0] and found.find("bytes").tolist() == [3]
    assert (
        found.find("a:3").tolist() == [4, 5]
        and found.find("nan").tolist() == found.find("none").tolist() == []
    )
    assert found.find("2026-05").tolist() == [8]
    kinds = pd.DataFrame(
        {"c": pd.Categorical(["x", None, "y"]), "b": [True, False, True], "s": ["x", None, "z"]}
    )
    found = search(Shown(records=kinds.astype({"s": "string"})), n=3)
    assert found.find("x").tolist() == [0] and found.find("b:true").tolist() == [0, 2]


def test_without_texts_and_columns_names_are_searched():
    assert search(Shown(), ids=np.arange(N), n=N).find("17").tolist() == [17]
    assert search(Shown(), ids=np.arange(N), n=N).find("seventeen").tolist() == []


# -- who follows -------------------------------------------------------------------------------------------------------


def session_of(labels=True, score=False, logits=False):
    pool = panels.pool_of(N, 3, labels)
    if logits:
        pool = pool.add(logits=torch.eye(3)[(pool.y + 1) % 3])
    session = panels.session_of(pool, panels.table_of(pool), score=score)
    object.__setattr__(session.result, "shown", SHOWN)
    finder(session)
    return session


def rows(gallery, group=None):
    groups = [g for s in gallery.sections for i, g in enumerate(s["groups"]) if group in (None, i)]
    return [cell["row"] for g in groups for cell in g]


def test_the_images_tab_shows_what_is_found_selected_first():
    session = session_of()
    session.tab = "images"
    view = ImagesView(session)
    find = search_field(session)
    find.value = "price<20"
    picked = set(session.selection.indices.tolist())
    assert session.found.tolist() == list(range(40))
    assert view.gallery.head[:2] == ["Found, selected", "Found, not selected"]
    assert set(rows(view.gallery, 0)) <= picked & set(range(40)) and rows(view.gallery, 0)
    assert set(rows(view.gallery, 1)) <= set(range(40)) - picked and rows(view.gallery, 1)
    assert f"40 texts, {len(picked & set(range(40)))} of them selected" in view.told.value
    assert "14 of 40 found" in [s["note"] for s in view.gallery.sections]
    find.value = "xyzzy"
    assert (
        view.gallery.rows == []
        and "No row here" in view.gallery.empty
        and "Found: no text" in view.told.value
    )
    find.value = ""
    assert session.found is None and view.gallery.head[0] == "First chosen" and session.problem is None


def test_a_score_keeps_best_and_worst_of_what_is_found():
    session = session_of(score=True)
    session.tab = "images"
    view = ImagesView(session)
    view.order.value = "score"
    session.query = "oslo"
    assert view.gallery.head[0] == "Ranked first by score"
    assert rows(view.gallery) and all(row % 3 == 0 for row in rows(view.gallery))


def test_one_field_beside_the_tabs_finds_rows_for_all_that_show_rows():
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    panel = explore(x, texts=TEXTS[:60], methods=["k-center", "Random"], run=False)
    assert [one.placeholder for one in finds(panel)] == ["Find rows"]
    session = panel.run(wait=True).session
    view = next(v for one in widgets_in(panel) if isinstance(v := getattr(one, "view", None), MapView))
    (find,) = finds(panel)
    assert find.placeholder == "Find texts" and session.tab == "map" and "cx-hidden" not in find._dom_classes
    find.value = "green"
    assert (
        view.canvas.widget.filter.tolist() == list(range(1, 60, 3))
        and "Found: 20 texts" in view.under.head.value
    )
    session.tab = "curves"
    assert "cx-hidden" in find._dom_classes, "curves are of all rows"
    session.tab = "images"
    assert "cx-hidden" not in find._dom_classes and find.value == "green"


def finds(panel):
    return [one for one in widgets_in(panel) if "cx-find" in getattr(one, "_dom_classes", ())]


def test_strip_lasso_and_compare_follow():
    session = session_of()
    view = MapView(session)
    session.query = "oslo"
    assert all(row % 3 == 0 for row in view.under.strip.rows) and "Found: 40 texts" in view.under.head.value
    session.focus = ("lasso", tuple(range(30)))
    assert "Lasso: 10 texts" in view.under.head.value and all(row % 3 == 0 for row in view.under.strip.rows)
    session.tab = "compare"
    compare = CompareView(session)
    assert compare.strips.rows and all(row % 3 == 0 for row in compare.strips.rows)
    assert all("texts found" in s["note"] for s in compare.strips.sections)
    session.query = ""
    assert any(row % 3 for row in compare.strips.rows) and session.problem is None


def test_what_the_model_takes_for_another_class_is_explained():
    session = session_of(logits=True)
    session.tab = "images"
    view = ImagesView(session)
    assert "≠ marks texts" in view.told.value
    session.query = "predicted:<1>"
    assert session.found.tolist() == every(lambda i: i % 3 == 0)


def test_a_query_without_a_result_waits_for_one():
    session = session_of()
    waiting = type(session)()
    finder(waiting)
    waiting.query = "oslo"
    assert waiting.found is None
    with waiting.hold_trait_notifications():
        waiting.maps, waiting.result = session.maps, session.result
    assert waiting.found.tolist() == every(lambda i: i % 3 == 0)


# -- tags --------------------------------------------------------------------------------------------------------------


def test_tags_are_given_and_taken_away():
    session = Session()
    tagged(session, 5, "odd")
    tagged(session, 3, " odd ")
    tagged(session, 3, "check  me")
    assert session.tags == {"check me": (3,), "odd": (3, 5)} and tags_of(session, 3) == ["check me", "odd"]
    tagged(session, 3, "check me", False)
    tagged(session, 9, "odd", False)
    tagged(session, 9, "   ")
    assert session.tags == {"odd": (3, 5)}
    found = rows_of(session, np.array([9, 5, 4, 3]))
    assert {tag: rows.tolist() for tag, rows in found.items()} == {"odd": [1, 3]}
    assert rows_of(session, np.array([1, 2])) == {}
    tagged(session, 1, "x" * 500)
    assert max(map(len, session.tags)) == 60


@pytest.mark.parametrize(
    "tags", [[1, 2], {"a": "12"}, {"": [1]}, {3: [1]}, {"a": [1.5]}, {"a": [-1]}, {"a": [True]}]
)
def test_what_are_no_tags_is_refused(tags):
    with pytest.raises(ValueError, match="tag"):
        checked(tags)


def test_a_column_that_is_not_there_is_said_under_the_map_as_well(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    panel = explore(x, y=np.arange(60) % 3, methods=["k-center"], epochs=1, run=False).run(wait=True)
    shown = (getattr(one, "view", None) for one in widgets_in(panel))
    view = next(one for one in shown if isinstance(one, MapView))
    panel.session.query = "zzz"
    assert "no point" in view.under.head.value
    panel.session.query = "clas:1"
    assert (
        "did you mean &#x27;class&#x27;?" in view.under.head.value and "no point" not in view.under.head.value
    )
    panel.session.query = "class:1"
    assert "Found: 20 points" in view.under.head.value


def test_tags_are_marked_in_grids_searched_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    how = {"y": np.arange(60) % 3, "texts": TEXTS[:60], "methods": ["k-center", "Random"], "epochs": 1}
    panel = explore(x, run=False, **how).run(wait=True)
    session = panel.session
    session.tab = "images"
    shown = (getattr(one, "view", None) for one in widgets_in(panel))
    view = next(one for one in shown if isinstance(one, ImagesView))
    row = view.gallery.rows[0]
    dialog = next(child for child in panel.children if type(child).__name__ == "Reader")
    session.opened = (row, (row,), "tags")
    dialog._handle_custom_msg({"tag": "<odd>", "on": True, "row": row}, [])
    number = int(session.result.pool.ids[row])
    assert panel.tags == {"<odd>": [number]} and dialog.whole["tags"] == ["<odd>"]
    assert view.gallery.tags == {str(row): ["<odd>"]}
    session.query = "tag:<odd>"
    assert session.found.tolist() == [row]
    session.columns = ("price",)
    kept = json.loads(json.dumps(panel.config))
    assert kept["view"]["columns"] == ["price"] and kept["tags"] == {"<odd>": [number]}
    again = explore(
        x, run=False, config=kept, **{k: v for k, v in how.items() if k not in ("methods", "epochs")}
    )
    assert again.tags == panel.tags
    again.run(wait=True)
    assert again.tags == panel.tags and again.session.columns == ("price",) and again.session.problem is None
    panel.tags = {}
    assert view.gallery.tags == {} and session.found.tolist() == [] and session.problem is None
    with pytest.raises(ValueError, match="tags are"):
        panel.tags = 3


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("zzz<5", "No column is called 'zzz'."),
        ("prcie<2", "No column is called 'prcie'; did you mean 'price'?"),
        ('"city nam":oslo', "No column is called 'city nam'; did you mean 'City Name'?"),
        ("class:1", "There are no classes here: this data has no labels."),
        ("price<-1", ""),
        ("xyzzy", ""),
        ("price<abc", "price holds numbers, and 'abc' is none."),
    ],
)
def test_a_query_that_names_no_column_is_told_so(query, said):
    assert not len(search().find(query)) and search().unknown(query) == said


def test_the_rows_and_the_field_say_which_column_there_is_not():
    session = session_of()
    session.tab = "images"
    view, find = ImagesView(session), search_field(session)
    assert "column<5" in find.tooltip
    session.query = "prcie<2"
    said = "No column is called 'prcie'; did you mean 'price'?"
    assert find.tooltip == said and "prcie" in view.told.value and "prcie" not in view.gallery.empty
    session.query = "xyzzy"
    assert view.gallery.empty == "No row here holds these words." and "column<5" in find.tooltip


def test_the_point_of_a_text_without_a_label_says_once_what_it_is():
    session = session_of(labels=False)
    reading = Reading(session.result, session.run, 0, Pictures.of(session.result))
    said = card(reading, int(np.setdiff1d(np.arange(N), reading.rows)[0]))
    assert "<b>Text</b>" not in said and said.count("Text") == 1 and "elected" in said


def test_blank_lines_take_no_room_on_a_card():
    shown = Pictures(None, None, None, Shown(texts=["3\n\n\n stars\n\n\nno more"]))
    assert cell_card(shown, 0)["text"] == "3 stars no more"


def test_cards_of_texts_have_no_first_column_to_choose():
    session = session_of()
    object.__setattr__(session.result, "shown", Shown(texts=TEXTS, records=FRAME))
    assert "cx-hidden" in columns_field(session)._dom_classes


def test_columns_of_records_are_put_first_by_name():
    session = session_of()
    object.__setattr__(session.result, "shown", Shown(records=FRAME))
    columns_first(session)
    session.tab = "images"
    view = ImagesView(session)
    box = columns_field(session)
    menu = box.children[1]

    def first():
        return view.gallery.sections[0]["groups"][0][0]["fields"][0][0]

    usual = first()
    for name in FRAME.columns:
        menu.value = name
        assert first() == name
    assert session.columns == tuple(FRAME.columns[::-1])
    menu.value = ""
    assert session.columns == () and first() == usual
    session.columns = ("nothing", "when")
    assert menu.value == "when" and first() == "when" and session.problem is None
    object.__setattr__(session.result, "shown", None)
    session.columns = ()
    assert "cx-hidden" in box._dom_classes and session.problem is None


def test_rows_are_taken_along_as_a_table():
    session = session_of(logits=True)
    records = FRAME.assign(rank="mine")
    object.__setattr__(session.result, "shown", Shown(texts=TEXTS, records=records))
    first, other = int(session.selection.indices[0]), 5
    session.tags = {"odd": (first,), "to check": (first, other)}
    found = about_rows(session, torch.tensor([first, other]))
    assert found["id"].tolist() == [first, other] and found["tags"].tolist() == ["odd, to check", "to check"]
    assert found["text"].tolist() == [TEXTS[first], TEXTS[other]]
    assert found["class"].tolist() == [f"class <{row % 3}>" for row in (first, other)]
    assert found["predicted"].tolist() == [f"class <{(row + 1) % 3}>" for row in (first, other)]
    assert (
        found["price"].tolist() == [first * 0.5, other * 0.5]
        and found["rank (yours)"].tolist() == ["mine"] * 2
    )
    held = picks(session, session.selection)
    assert held["rank"].tolist() == list(range(1, len(held) + 1)) and held["text"][0] == TEXTS[first]
    assert len(every_method(session)) == sum(len(run.at[0]) for run in session.result.runs.values())
    twice = records[["price", "price"]]
    object.__setattr__(session.result, "shown", Shown(records=twice))
    assert list(picks(session, session.selection).columns).count("price") == 2
    bare = panels.session_of(panels.pool_of(N, 3, False), None, weights=False)
    assert list(about_rows(bare, torch.tensor([3])).columns) == ["id"]
    assert len(about_rows(session, torch.tensor([], dtype=torch.long))) == 0


def test_other_data_has_tags_of_its_own():
    session = session_of()
    tags_of_each_data(session)
    first = session.result
    other = dataclasses.replace(first, key=("other", *first.key[1:]))
    session.result = dataclasses.replace(first)
    tagged(session, 3, "odd")
    session.result = dataclasses.replace(first, seconds=2.0)
    assert session.tags == {"odd": (3,)}, "another run of the same data"
    session.result = other
    assert session.tags == {}
    tagged(session, 5, "even")
    session.result = first
    assert session.tags == {"odd": (3,)}
    session.result = other
    assert session.tags == {"even": (5,)} and session.problem is None


def test_a_row_is_called_by_its_place_in_what_was_given_whatever_was_set_aside(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path))
    x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    panel = explore(x, y=np.arange(100) % 3, methods=["k-center"], epochs=1, test=0.2, run=False).run(
        wait=True
    )
    result = panel.session.result
    pictures, held = Pictures.of(result), result.data.truth["row"]
    given = [int(held[row]) for row in result.rows.tolist()]
    assert [pictures.name(row) for row in range(result.n)] == [f"row {place:,}" for place in given]
    keys = list(panel.selection.keys)
    assert [pictures.name(row) for row in panel.selection.indices.tolist()] == [
        f"row {key:,}" for key in keys
    ]
    panel.session.query = str(given[-1])
    assert result.n - 1 in panel.session.found.tolist()


def test_texts_beside_one_column_of_numbers_are_not_judged_by_it():
    frame = pd.DataFrame(
        {"problem": [f"how many are {i} and {i}" for i in range(60)], "answer": range(0, 120, 2)}
    )
    frame["kind"] = ["odd", "even"] * 30
    for more in ({}, {"y": "kind"}):
        panel = explore(frame, texts="problem", run=False, **more)
        with pytest.raises(
            ValueError, match="only numbers are the column 'answer', and its texts are not learnt from"
        ):
            panel.run(wait=True)
    meant = explore(frame, y="kind", texts="problem", columns=["answer"], run=False, methods=["k-center"])
    assert len(meant.run(wait=True).selection)


def test_what_was_found_of_one_class_is_leafed_through_and_counted():
    session = session_of()
    session.tab = "images"
    view = ImagesView(session)
    pool, picks = session.result.pool, set(session.selection.indices.tolist())
    session.found = np.arange(len(pool))
    assert "cx-hidden" in view.pager._dom_classes, "of every class some"
    session.only_class = 1
    mine = np.flatnonzero(pool.y.numpy() == 1)
    others, seen = [row for row in mine.tolist() if row not in picks], []
    assert f"{len(mine)} of them in " in view.told.value and view.which.value == "page 1 of 2"
    for _ in range(2):
        seen += [cell["row"] for cell in view.gallery.sections[0]["groups"][1]]
        view.on.click()
    assert seen == others and view.on.disabled and session.problem is None
    session.found = None
    assert "cx-hidden" in view.pager._dom_classes
