"""Rows one can read: texts, records and renderings, from explore() to the card, and only when they are shown."""

import pathlib
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch
from PIL import Image

import coreset_explore as cx
from tests import panels
from tests.tree import texts as texts_of
from widgets import explore
from widgets.explorer.header import dataset_line
from widgets.explorer.images import ImagesView
from widgets.explorer.map import MapView
from widgets.explorer.table import picks
from widgets.kit.cards import Shown, card_html, clipped
from widgets.kit.gallery import Cell, Gallery, Section
from widgets.kit.pictures import Pictures
from widgets.kit.records import prose, value, varying

N, MANY = 60, 120
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 6)).astype("float32")
Y = np.arange(N) % 3
WORDS = [f"the story of row {i}" for i in range(N)]
ODD = {
    0: "",
    1: "word " * 2_000,
    2: "<script>alert(1)</script><img src=x onerror=alert(2)>",
    3: "👩🏽‍🔬 🏳️‍🌈 and 汉字",
    4: "שלום עולם, مرحبا بالعالم",
    5: None,
    6: "two\n\nlines\twith a tab",
    7: float("nan"),
}
METHODS = ["k-center", "Random"]


def card(view) -> str:
    """What stands at the pointer."""
    return view.canvas.pointer.card["html"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


def ran(data=X, y=Y, **how):
    """The session of a panel that selected here and now."""
    panel = explore(data, y, methods=METHODS, epochs=1, run=False, **how)
    panel.run(wait=True)
    assert panel.session.problem is None
    return panel, panel.session


def pictures(session):
    return Pictures.of(session.result)


def refused(match, data=X, y=Y, **how):
    with pytest.raises(ValueError, match=match):
        explore(data, y, methods=METHODS, epochs=1, run=False, **how).run(wait=True)


# -- from explore() to the row -----------------------------------------------------------------------------------------


def test_each_row_shows_its_own_text():
    _, session = ran(texts=WORDS)
    shown = pictures(session)
    assert shown.kind == "texts"
    assert [shown.face(row).text for row in range(N)] == WORDS


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, pyarrow.array])
def test_texts_of_any_make(kind):
    _, session = ran(texts=kind(WORDS))
    assert pictures(session).face(7).text == WORDS[7]


def test_rows_set_aside_for_testing_do_not_shift_the_texts():
    _, session = ran(texts=WORDS, test=0.2)
    rows = session.result.data.truth["row"]
    assert len(rows) == session.result.n < N
    assert [pictures(session).face(i).text for i in range(len(rows))] == [WORDS[row] for row in rows]


def test_a_series_goes_to_the_frames_rows_by_name():
    index = [f"r{i}" for i in range(N)]
    frame = pd.DataFrame(X, index=index, columns=list("abcdef"))
    mixed = pd.Series(WORDS, index=index).sample(frac=1, random_state=1)
    _, session = ran(frame, Y, texts=mixed)
    assert pictures(session).face(7).text == WORDS[7]


def test_a_frame_of_the_same_rows_in_another_order_is_found_by_name():
    index = [f"r{i}" for i in range(N)]
    shown = pd.DataFrame({"number": range(N), "word": WORDS}, index=index).sample(frac=1, random_state=2)
    _, session = ran(pd.DataFrame(X, index=index, columns=list("abcdef")), Y, frame=shown, texts="word")
    face = pictures(session).face(9)
    assert face.text == WORDS[9] and face.fields == (("number", "9"),)


def test_a_column_that_holds_the_very_texts_is_read_once():
    frame = pd.DataFrame({"word": WORDS, "number": range(N), "other": [*WORDS[:-1], None]})
    _, session = ran(texts=pd.Series(WORDS), frame=frame, test=0.2)
    assert pictures(session).shown.columns == ["number", "other"]
    assert list(picks(session, session.selection).columns).count("text") == 1
    _, session = ran(texts=WORDS, frame=frame[["word"]])
    assert pictures(session).shown.records is None and pictures(session).face(3).text == WORDS[3]


def test_a_frame_that_calls_its_rows_otherwise_is_refused():
    frame = pd.DataFrame(X, index=[f"r{i}" for i in range(N)], columns=list("abcdef"))
    refused("frame has 60 rows called s0", frame, Y, frame=frame.rename(lambda name: f"s{name[1:]}"))


def test_texts_of_another_number_are_refused():
    refused("texts holds 59 texts for 60 rows", texts=WORDS[1:])


def test_what_is_no_frame_no_render_and_no_column_is_refused():
    refused("frame is a data frame of the same rows", frame=[1, 2])
    refused("render is a function of a row's number", render="text")
    refused(
        "texts names the column 'wrod'.*did you mean 'word'",
        frame=pd.DataFrame({"word": WORDS}),
        texts="wrod",
    )
    with pytest.raises(ValueError, match="did you mean 'texts'"):
        explore(X, Y, text=WORDS)


def test_a_pool_and_a_named_dataset_take_texts_too():
    pool = cx.Pool.of(X, Y)
    _, session = ran(pool, None, texts=WORDS)
    assert pictures(session).face(3).text == WORDS[3]


# -- a frame given whole -----------------------------------------------------------------------------------------------


def orders(**more):
    return pd.DataFrame(
        {
            "price": np.linspace(1, 90, N) ** 2,
            "review": [f"I bought it {i} times and would buy it again" for i in range(N)],
            "city": [["Bergen", "Oslo", "Narvik"][i % 3] for i in range(N)],
            "when": pd.date_range("2026-01-01", periods=N),
            "weight": np.ones(N),
            "id": [f"{i * 7919:08x}" for i in range(N)],
            "grade": Y,
            **more,
        }
    )


def test_a_frames_numbers_are_features_and_its_words_are_shown():
    panel, session = ran(orders(), "grade")
    data = session.result.data
    assert data.columns == ("price", "weight") and session.result.pool.emb.shape == (N, 2)
    face = pictures(session).face(4)
    assert face.text == "I bought it 4 times and would buy it again"
    assert [name for name, _ in face.fields] == ["when", "price", "city", "weight", "id"]
    assert dict(face.fields)["when"] == "2026-01-05" and dict(face.fields)["city"] == "Oslo"
    assert "learnt from: price and weight; shown: review, city, when and id" in "".join(texts_of(panel))


def test_the_code_of_such_a_frame_gives_the_same_picks():
    panel, session = ran(orders(), "grade")
    space = {"X": orders()}
    exec(panel.code, space)
    assert space["k_center"].indices.tolist() == panel.selection.indices.tolist()


def test_the_labels_may_be_words_and_may_be_a_column():
    frame = orders(grade=["good" if y else "bad" for y in Y])
    for y in ("grade", frame["grade"]):
        _, session = ran(frame, y)
        assert session.result.pool.classes == ("bad", "good")
        assert "grade" not in dict(pictures(session).face(0).fields)
    _, session = ran((frame, frame["grade"]), None)
    assert session.result.data.columns == ("price", "weight")


def test_a_pair_of_frame_and_labels_keeps_its_words():
    _, session = ran((orders().drop(columns="grade"), Y), None)
    assert session.result.data.columns == ("price", "weight")
    assert pictures(session).face(4).text.startswith("I bought it 4")


def test_columns_that_were_named_are_the_features_and_the_rest_is_shown():
    _, session = ran(orders(), "grade", columns=["price"])
    assert session.result.data.columns == ("price",)
    assert "weight" in dict(pictures(session).face(0).fields)


def test_a_frame_of_numbers_stays_as_it_was():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    _, session = ran(frame, Y)
    assert session.result.data.columns == tuple("abcdef") and session.result.data.note == ""


def test_a_frame_of_words_alone_says_what_to_give():
    refused(
        "hold no numbers, so there is nothing to select by; give features", orders()[["review", "city"]], Y
    )


def test_a_number_that_is_missing_is_refused_by_the_library():
    frame = orders()
    frame.loc[3, "price"] = np.nan
    refused("NaN or infinite values in 1 rows", frame, "grade")


def test_columns_of_one_name_are_all_there():
    frame = orders()
    frame = pd.concat([frame, frame[["price"]] * 2, frame[["city"]]], axis=1)
    _, session = ran(frame, "grade")
    assert session.result.pool.emb.shape == (N, 3)
    names = [name for name, _ in pictures(session).face(0).fields]
    assert names.count("price") == 2 and names.count("city") == 2
    _, session = ran(X, Y, frame=frame)
    assert len(pictures(session).face(0).fields) == len(frame.columns) - 1  # the text stands above them


def test_other_makes_of_frames():
    _, session = ran(pyarrow.Table.from_pandas(orders()), "grade")
    assert session.result.data.columns == ("price", "weight")
    assert pictures(session).face(4).text.startswith("I bought it 4")


def test_vectors_in_a_column_stay_features():
    frame = pd.DataFrame({"v": list(X), "word": WORDS})
    _, session = ran(frame, Y, texts="word")
    assert session.result.pool.emb.shape == (N, 6) and pictures(session).face(2).text == WORDS[2]


# -- what varies most comes first --------------------------------------------------------------------------------------


def test_columns_stand_in_the_order_in_which_they_vary():
    n = 200
    frame = pd.DataFrame(
        {
            "same": "x",
            "id": [f"k{i}" for i in range(n)],
            "number": range(n),
            "flat": 100 + rng.normal(size=n),
            "wide": rng.normal(size=n) * 100,
            "two": [i % 2 for i in range(n)],
            "many": [f"word {i % 90}" for i in range(n)],
            "few": [f"word {i % 3}" for i in range(n)],
            "hash": [f"{i // 2:032d}" for i in range(n)],
            "empty": None,
        }
    )
    order = [frame.columns[j] for j in varying(frame)]
    assert order[-2:] == ["id", "number"] and order[-3] == "hash"
    assert order.index("wide") < order.index("flat") and order.index("many") < order.index("few")
    assert set(order[5:7]) == {"same", "empty"} and order[4] == "flat"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [None]}),
        pd.DataFrame({"a": [1.0, np.inf], "b": [[1], {"x": 2}]}),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.Categorical(["x", None])}),
        pd.DataFrame({"a": pd.to_timedelta([1, 2]), "b": [1 + 2j, 3j], "c": [b"x", b"y"]}),
        pd.DataFrame({("a", 1): [1, 2], ("a", 2): ["x", "y"]}),
    ],
)
def test_columns_of_every_kind_have_a_place(frame):
    assert sorted(varying(frame)) == list(range(frame.shape[1]))
    prose(frame)
    if len(frame):
        Shown(records=frame).face(0)


def test_values_are_written_for_people():
    found = [1234.5678, 3, True, None, np.nan, pd.NA, pd.NaT, pd.Timestamp("2026-02-03"), "x", 1e-9]
    assert [value(one) for one in found] == [
        "1234.57", "3", "True", "–", "–", "–", "–", "2026-02-03", "x", "1e-09",
    ]  # fmt: skip


def test_the_text_to_read_is_the_longest_column_with_spaces():
    frame = orders()
    assert frame.columns[prose(frame)] == "review"
    assert prose(frame.drop(columns="review")) is None
    frame["short"], frame["hash"] = "a b", "0123456789abcdef" * 4
    assert frame.columns[prose(frame)] == "review"


# -- texts nobody listed -----------------------------------------------------------------------------------------------


def odd():
    return [ODD.get(i, WORDS[i]) for i in range(N)]


def test_odd_texts_are_shown_clipped_in_cells_and_whole_when_opened():
    panel, session = ran(texts=odd())
    shown = pictures(session)
    gallery = Gallery()
    gallery.show([Section([[Cell(row, "") for row in ODD]])], shown)
    cells = {cell["row"]: cell for cell in gallery.sections[0]["groups"][0]}
    assert all(cell["tile"] == -1 and len(cell["text"]) <= 182 for cell in cells.values())
    assert [cells[row]["text"] for row in (0, 5, 7)] == ["", "", ""]
    assert cells[3]["text"] == ODD[3] and cells[4]["text"] == ODD[4]
    assert len(shown.face(1).text) == 10_000
    session.opened = (1, (1, 2), "")
    assert reader(panel).whole["text"] == ODD[1]


def test_nothing_of_a_user_becomes_html():
    pool = panels.pool_of(MANY, 3)
    session = panels.session_of(pool, panels.table_of(pool))
    frame = pd.DataFrame({"<b>name</b>": [ODD[2]] * MANY, "other": range(MANY)})
    object.__setattr__(session.result, "shown", Shown(texts=[*odd(), *[""] * (MANY - N)], records=frame))
    view = MapView(session)
    for row in ODD:
        session.hovered = row
        assert "<script" not in card(view) and "<img" not in card(view), row
        assert "<b>name" not in card(view)
    session.hovered = 2
    assert "&lt;script&gt;alert(1)" in card(view) and 'dir="auto"' in card(view)
    assert session.problem is None


def test_an_empty_text_says_so():
    assert "empty text" in card_html(Shown(texts=[""]).face(0))
    assert "empty text" in Pictures(shown=Shown(texts=[None])).opening(0)


def test_a_text_is_cut_between_words():
    assert clipped("a b c", 10) == "a b c"
    assert clipped("word " * 10, 22) == "word word word word …"
    assert clipped("x" * 50, 20) == "x" * 20 + " …"


def test_records_have_their_fields_in_the_cell_and_a_table_in_the_card():
    frame = pd.DataFrame({"a": rng.normal(size=N), "b": [f"w{i % 4}" for i in range(N)], "gone": None})
    shown = Pictures(shown=Shown(records=frame))
    gallery = Gallery()
    gallery.show([Section([[Cell(2, "")]])], shown)
    cell = gallery.sections[0]["groups"][0][0]
    assert sorted(cell["fields"]) == sorted([["a", f"{frame.a[2]:.6g}"], ["b", "w2"]]), (
        "what is absent is left out"
    )
    assert "<td>gone</td>" in card_html(shown.face(2))


def test_two_hundred_columns_show_five_in_a_cell_and_all_when_opened():
    frame = pd.DataFrame(rng.normal(size=(N, 200)), columns=[f"c{j}" for j in range(200)])
    panel, session = ran(frame=frame)
    gallery = Gallery()
    gallery.show([Section([[Cell(0, "")]])], pictures(session))
    assert len(gallery.sections[0]["groups"][0][0]["fields"]) == 5
    session.opened = (0, (0,), "")
    assert len(reader(panel).whole["fields"]) == 200
    assert card_html(pictures(session).face(0)).count("<tr>") == 6


# -- renderings --------------------------------------------------------------------------------------------------------


def test_render_gives_texts_pictures_and_paths(tmp_path):
    Image.fromarray(np.full((5, 4, 3), 90, np.uint8)).save(tmp_path / "p.png")

    def render(row):
        kinds = [f"<i>row {row}</i>", Image.new("L", (300, 20), 40), tmp_path / "p.png"]
        return kinds[row % 3]

    shown = Pictures(shown=Shown(render=render))
    assert shown.kind == "rendered" and shown.face(0).text == "<i>row 0</i>"
    assert shown.face(1).picture.shape == (20, 300, 3) and (shown.face(2).picture == 90).all()
    gallery = Gallery()
    gallery.show([Section([[Cell(row, "") for row in range(4)]])], shown)
    cells = gallery.sections[0]["groups"][0]
    assert [cell["tile"] for cell in cells] == [-1, 0, 1, -1] and cells[3]["text"] == "<i>row 3</i>"
    assert "&lt;i&gt;row 0" in card_html(shown.face(0))


def test_a_render_that_raises_on_row_3_stops_nothing():
    def render(row):
        if row == 3:
            raise KeyError("no such row")
        return {4: None, 5: pathlib.Path("/nowhere/at all.png"), 6: b"bytes"}.get(row, f"row {row}")

    panel, session = ran(render=render)
    shown = pictures(session)
    assert "render raised KeyError for row 3: 'no such row'" == shown.face(3).trouble
    assert "render gave None for row 4; give a str" in shown.face(4).trouble
    assert "FileNotFoundError for row 5" in shown.face(5).trouble
    assert "render gave a bytes for row 6" in shown.face(6).trouble
    view = MapView(session)
    session.hovered = 3
    assert "render raised KeyError for row 3" in card(view)
    session.hovered = 2
    assert "row 2" in card(view) and session.problem is None


def test_render_counts_rows_as_the_user_does():
    asked = []
    _, session = ran(render=lambda row: asked.append(row) or str(row), test=0.2)
    rows = session.result.data.truth["row"].tolist()
    asked.clear()
    assert [pictures(session).face(i).text for i in range(10)] == [str(row) for row in rows[:10]]


def test_nothing_is_rendered_before_it_is_shown_of_200_000_rows():
    n, asked = 200_000, []
    pool = panels.pool_of(n, 4)
    session = panels.session_of(pool, None)
    frame = pd.DataFrame({"a": np.arange(n), "b": np.arange(n) % 7})
    shown = Shown(records=frame, render=lambda row: asked.append(row) or f"row {row}")
    object.__setattr__(session.result, "shown", shown)
    began = time.monotonic()
    view = MapView(session)
    assert (
        sorted(set(asked)) == sorted(view.under.strip.rows) and len(asked) == len(view.under.strip.rows) <= 18
    )
    session.hovered = 199_999
    assert asked[-1] == 199_999 and "row 199999" in card(view) and session.problem is None
    session.hovered = -1
    session.hovered = 199_999
    assert asked.count(199_999) == 1, "a rendering is kept"
    assert time.monotonic() - began < 30


# -- what the model says -----------------------------------------------------------------------------------------------


def test_the_predicted_class_stands_beside_the_true_one():
    pool = panels.pool_of(MANY, 3)
    logits, rows = torch.zeros(MANY, 3), torch.arange(MANY)
    logits[rows, (pool.y + rows % 2) % 3] = 2.0  # every second one is wrong
    pool = pool.add(logits=logits)
    session = panels.session_of(pool, panels.table_of(pool))
    view = MapView(session)
    chance = float(logits[1].softmax(-1).max())
    session.hovered = 1
    assert f"≠ Predicted class &lt;2&gt;, {100 * chance:.0f} %" in card(view)
    session.hovered = 3 * 2
    assert "Predicted class &lt;0&gt;" in card(view) and "≠" not in card(view)
    cells = {c["row"]: c for c in view.under.strip.sections[0]["groups"][0]}
    assert (
        all(cell["off"] == (row % 2 == 1) for row, cell in cells.items()) and len({r % 2 for r in cells}) == 2
    )
    assert all(f"predicted class <{(row % 3 + row % 2) % 3}>" in cell["alt"] for row, cell in cells.items())


def test_without_logits_nothing_is_predicted():
    pool = panels.pool_of(MANY, 3)
    session = panels.session_of(pool, panels.table_of(pool))
    view = MapView(session)
    session.hovered = 1
    assert "redicted" not in card(view)
    assert not any(cell["off"] for cell in view.under.strip.sections[0]["groups"][0])


# -- the dialog --------------------------------------------------------------------------------------------------------


def reader(panel):
    return next(child for child in panel.children if type(child).__name__ == "Reader")


def test_a_row_opens_whole_and_turns_to_the_next():
    panel, session = ran(texts=WORDS)
    dialog = reader(panel)
    session.opened = (4, (4, 9, 2), "")
    assert dialog.whole["text"] == WORDS[4] and dialog.whole["rows"] == [4, 9, 2] and dialog.row == 4
    assert dict(dialog.whole["facts"])["Class"] == "1"
    dialog.row = 9  # the page turns
    assert dialog.whole["text"] == WORDS[9] and session.opened[0] == 9
    dialog.row = -1
    assert dialog.whole == {} and session.opened == (-1, (), "")


def test_a_picture_opens_large():
    pool = panels.pool_of(MANY, 3)
    session = panels.session_of(pool, panels.pictures_of(pool, side=40))
    from widgets.explorer.opened import reader as made

    dialog = made(session)
    session.opened = (5, (5,), "")
    import io

    opened = np.asarray(Image.open(io.BytesIO(dialog.large)))
    assert opened.shape[:2] == (40, 40) and not dialog.whole["exact"]
    assert abs(opened.astype(int) - session.result.data.thumbnail(5)).mean() < 12
    dialog._handle_custom_msg({"act": 5}, [])
    assert session.focus == ("click", (5,)) and session.tab == "map"


def test_a_cell_that_is_clicked_opens_among_its_neighbours():
    pool = panels.pool_of(MANY, 3)
    session = panels.session_of(pool, panels.pictures_of(pool))
    view = MapView(session)
    strip = view.under.strip
    row = strip.rows[2]
    strip._handle_custom_msg({"open": row, "part": "tags"}, [])
    assert session.opened == (row, tuple(strip.rows), "tags")
    assert view.session is session
    strip._handle_custom_msg({"open": row}, [])
    assert session.opened == (row, tuple(strip.rows), "")


# -- what rows are called ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"texts": WORDS}, "texts"),
        ({"frame": pd.DataFrame({"price": range(N)})}, "rows"),
        ({"data": pd.DataFrame(X, columns=list("abcdef"))}, "rows"),
        ({"images": np.zeros((N, 8, 8), np.uint8)}, "images"),
        ({}, "points"),
    ],
)
def test_rows_are_called_what_they_are_everywhere(how, word):
    panel, session = ran(**{"data": X, **how})
    said = texts_of(panel)
    assert f"your data: 60 {word}" in said
    view = MapView(session)
    k = len(session.selection)
    assert f"{k} of 60 {word} chosen by k-center" in view.caption.value
    assert f"At {k} {word if k > 1 else word[:-1]}" in view.side.value
    assert [title for title, _ in panel._tabs.options] == ["Map", word.capitalize(), "Curves", "Compare"]
    assert panel._tabs.value == session.tab == "map"
    session.focus = ("lasso", (0, 1, 2))
    assert f"Lasso: 3 {word}" in view.under.head.value and f"of all {word}" in view.under.region.told.value


def test_the_name_of_a_class_is_never_changed_and_a_long_one_is_cut_with_all_of_it_where_it_is_pointed_at():
    long = "an extraordinarily long name of a class, as taxonomies have them"
    _, session = ran(y=[("iPhone", "7", long)[i % 3] for i in range(N)], texts=WORDS)
    view, classes = MapView(session), session.result.pool.classes
    for name, said in (("iPhone", "<b>iPhone</b>"), ("7", "<b>Class 7</b>"), (long, f'title="{long}"')):
        row = int(np.flatnonzero(session.result.pool.y.numpy() == classes.index(name))[0])
        session.hovered = row
        assert said in card(view)
        assert long not in card(view).replace(f'title="{long}"', "")
    session.focus, session.color_by = ("lasso", tuple(range(N))), "all class"
    for told in (view.side.value, view.under.region.told.value):
        assert f'title="{long}"' in told and f"{long}<" not in told
    grid = next(one for one in section_of(session) if one["whole"] == long)
    assert len(grid["label"]) <= 24


def section_of(session):
    """What the grid by class shows."""
    session.tab = "images"
    return ImagesView(session).gallery.sections


# -- a pool of pictures that holds none --------------------------------------------------------------------------------


def test_a_pool_made_of_pictures_says_which_call_shows_them():
    data = cx.load("digits")
    pool = cx.signals(data, model="logistic", epochs=1, show=False)
    held = explore(pool, methods=METHODS, run=False).run(wait=True).session
    said = 'explore(pool, images=cx.load("digits").x) shows them'
    assert said in MapView(held).under.head.value.replace("&quot;", '"')
    held.tab = "images"
    assert said in ImagesView(held).told.value.replace("&quot;", '"')
    seen = explore(pool, images=data.x, methods=METHODS, run=False).run(wait=True).session
    row = int(seen.selection.indices[0])
    assert (pictures(seen).face(row).picture == data.thumbnail(int(pool.ids[row]))).all(), "the call it names"
    assert "shows them" not in MapView(seen).under.head.value


def test_of_data_of_ones_own_the_pool_names_what_to_give_and_a_table_asks_for_nothing():
    mine = cx.signals("digits", model="logistic", epochs=1, show=False)
    other = replace(mine, info={**mine.info, "name": "scans"})
    session = explore(other, methods=METHODS, run=False).run(wait=True).session
    assert "images=data.x) shows them, with the data that" in MapView(session).under.head.value
    _, table = ran()
    assert "shows them" not in MapView(table).under.head.value


def test_rows_set_aside_do_not_shift_what_picks_and_tags_point_at():
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    said = pd.Series([f"text {i}" for i in range(60)], index=np.arange(60) * 3 + 1)
    panel = explore(x, y=np.arange(60) % 3, texts=said, test=0.2, methods=["kcenter"], k_max=9, run=False)
    panel.run(wait=True)
    places = list(panel.selection.keys)
    assert np.array_equal(x[places], panel.session.result.pool.emb[panel.selection.indices])
    table = picks(panel.session, panel.selection)
    assert list(table["key"]) == places and list(table["text"]) == [f"text {i}" for i in places]
    assert panel.tagged.empty
    panel.tags = {"odd": [int(panel.selection.ids[2])]}
    assert panel.tagged[["key", "text", "tags"]].values.tolist() == [[places[2], f"text {places[2]}", "odd"]]
    assert "48 rows" in dataset_line(panel.session) or "48 texts" in dataset_line(panel.session)
    assert "12 more to test" in dataset_line(panel.session)
