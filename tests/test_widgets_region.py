"""A region of the map: its numbers, its pages, and the selections of one's own that are made of it."""

import re
import threading
import time

import numpy as np
import pytest

from coreset_explore import progress
from coreset_explore.measures import represent
from tests import panels
from tests.test_widgets_map import click, lasso, view_of
from widgets.explorer import own, owners
from widgets.explorer.control import Control
from widgets.explorer.session import MAX_CHOICES
from widgets.kit import closing


def ended(view):
    return "cx-hidden" in view.under.region.box._dom_classes


def test_the_numbers_of_a_region_are_those_of_its_rows():
    view, session = view_of()
    session.j = 3
    rows = np.arange(0, 400, 2)  # classes 0 and 2, 100 rows each
    lasso(view, rows)
    picks = session.selection.indices.numpy()
    inside = picks[picks % 2 == 0]
    owner, distance = (t.numpy() for t in represent(session.result.pool, session.selection))
    said = view.under.region.told.value
    assert f'<span class="cx-num">{len(inside)}</span>' in said and "40.0 by its share" in said
    assert f"{100 * len(inside) / 80:.1f} %" in said and "50.0 % of all images" in said
    assert f'<span class="cx-num">{distance[rows].mean():.1f}</span>' in said
    for label in (0, 2):
        held = int((inside % 4 == label).sum())
        assert f"class &lt;{label}&gt; <b>100</b> <u>{held} picked</u>" in said
    assert "class &lt;1&gt;" not in said


def test_all_rows_of_a_region_are_seen_page_by_page_once_each():
    view, session = view_of()
    session.j = 3
    rows = np.random.default_rng(0).permutation(400)[:101]
    lasso(view, rows)
    region, seen = view.under.region, []
    assert region.where.value == "1 to 18 of 101" and region.back.disabled
    for _ in range(6):
        shown = view.under.strip.rows
        marked = {c["row"] for c in view.under.strip.sections[0]["groups"][0] if c["mark"]}
        assert marked == set(shown) & set(session.selection.indices.tolist())
        seen += shown
        region.on.click()
    assert sorted(seen) == sorted(rows.tolist()) and region.where.value == "91 to 101 of 101"
    assert region.on.disabled and not region.back.disabled
    region.back.click()
    assert region.where.value == "73 to 90 of 101"
    lasso(view, rows[:60])
    assert region.where.value == "1 to 18 of 60", "another region begins at its first page"


def test_without_a_region_there_is_nothing_of_it():
    view, session = view_of()
    assert ended(view)
    lasso(view, [3, 4, 5])
    assert not ended(view) and "cx-hidden" in view.under.region.pager._dom_classes
    session.focus = ("", ())
    assert ended(view)


def test_a_region_becomes_a_selection_beside_the_methods():
    view, session = view_of()
    control = Control(session)
    lasso(view, [7, 3, 5])
    view.under.region.use.click()
    control.main.finish()
    assert session.problem is None and session.active == "Region 1"
    assert session.run.selection.indices.tolist() == [7, 3, 5] and not session.stale


def test_picks_are_added_and_dropped_by_hand_and_the_method_stays():
    view, session = view_of()
    order = session.selection.indices.tolist()
    other = next(row for row in range(400) if row not in order)
    session.choices = tuple(run.strategy for run in session.result.runs.values())
    click(view, other)
    assert view.under.region.drop.disabled and not view.under.region.add.disabled
    view.under.region.add.click()
    names = [choice.name for choice in session.choices]
    assert names == ["CRAIG", "Herding", "CRAIG, edited"] and session.asked == {"select": True}
    assert session.choices[-1].own.indices.tolist() == [*order, other]
    click(view, order[1])
    view.under.region.drop.click()
    assert session.choices[-1].own.indices.tolist() == [order[0], *order[2:]], "of what is on the map"
    assert len(session.choices) == 3


def test_an_edited_selection_is_edited_in_place():
    pool = panels.pool_of()
    session = panels.session_of(pool)
    control = Control(session)
    order = session.selection.indices.tolist()
    own.edit(session, drop=order[:2])
    control.main.finish()
    assert session.run.strategy.name == "CRAIG, edited"
    other = next(row for row in range(400) if row not in order)
    own.edit(session, add=[other])
    assert [choice.name for choice in session.choices] == ["CRAIG, edited"]
    assert session.choices[-1].own.indices.tolist() == [*order[2:], other]


def test_what_cannot_be_made_is_said_in_one_sentence():
    session = panels.session_of(panels.pool_of())
    with pytest.raises(ValueError, match="holds at least one row"):
        own.edit(session, drop=session.selection.indices.tolist())
    for _ in range(MAX_CHOICES):
        own.as_selection(session, [1, 2])
    with pytest.raises(ValueError, match=f"there is room for {MAX_CHOICES} selections"):
        own.as_selection(session, [1, 2])
    session.status = "running"
    with pytest.raises(ValueError, match="a run goes on"):
        own.edit(session, add=[1])


def test_a_long_answer_comes_from_a_thread_once_the_slider_rests(monkeypatch):
    """Which pick stands for which row takes a second at 60,000: nobody waits for it, and a click does not ask twice."""
    asked = []

    def represented(pool, selection):
        asked.append(len(selection))
        return represent(pool, selection)

    monkeypatch.setattr(owners, "LARGE", 0)
    monkeypatch.setattr("coreset_explore.measures.represent", represented)
    loop = Posted()
    view, session = view_of(loop=loop)
    lasso(view, [3, 4, 5])
    assert "distance to a pick" not in view.under.region.told.value
    view.under.owners._job.wait()
    loop.hear()
    assert asked == [8] and "distance to a pick" in view.under.region.told.value
    session.j = 1
    session.j = 2
    assert asked == [8], "not while the slider moves"
    loop.run()
    click(view, int(session.selection.indices[0]))
    assert asked == [8, 40] and "represents" in view.under.head.value and session.problem is None


def test_colors_by_distance_that_take_long_come_once_they_are_known(monkeypatch):
    monkeypatch.setattr(owners, "LARGE", 0)
    loop = Posted()
    view, session = view_of(loop=loop)
    session.color_by = "distance"
    assert "being measured" in view.side.value
    grey = np.array(view.canvas.widget.points)[:, 2]
    view.under.owners._job.wait()
    loop.hear()
    assert "being measured" not in view.side.value and "half lie below" in view.side.value
    assert not (view.canvas.widget.points[:, 2] == grey).all() and session.problem is None
    middle = re.search("half lie below [^<]*", view.side.value)[0]
    session.j = 1
    assert middle in view.side.value, "while the slider moves they stay"
    loop.run()
    view.under.owners._job.wait()
    loop.hear()
    assert middle not in view.side.value and session.problem is None


def test_what_a_closed_panels_region_asks_for_is_stopped_and_nothing_is_begun_after(monkeypatch):
    begun, stopped = threading.Event(), threading.Event()

    def represented(pool, selection):
        begun.set()
        try:
            for _ in range(3_000):
                time.sleep(0.01)
                progress.check()
        except progress.Cancelled:
            stopped.set()
            raise

    monkeypatch.setattr(owners, "LARGE", 0)
    monkeypatch.setattr("coreset_explore.measures.represent", represented)
    loop = Posted()
    view, session = view_of(loop=loop)
    lasso(view, [3, 4, 5])
    assert begun.wait(10)
    closing.close(view.root)
    assert stopped.wait(10) and view.under.owners._job.wait(10)
    thread = view.under.owners._job.thread
    loop.hear()
    loop.run()  # what the map had put off to prepare
    assert view.under.owners._job.thread is thread and session.problem is None


class Posted(panels.Loop):
    """A loop that hears what threads post when the test says so."""

    def __init__(self):
        super().__init__()
        self.posted = []

    def is_closed(self):
        return False

    def call_soon_threadsafe(self, fn, *args):
        self.posted.append((fn, args))

    def hear(self):
        posted, self.posted = self.posted, []
        for fn, args in posted:
            fn(*args)
