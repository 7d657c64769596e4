"""What a panel holds, and that it lets go of it: closed, put away, or replaced by the cell's next panel."""

import asyncio
import base64
import gc
import threading
import time
import weakref

import ipywidgets as w
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from coreset_explore.progress import Cancelled, listening
from tests.panels import Loop
from tests.tree import texts
from widgets import explore
from widgets.kit import closing, place, plain
from widgets.kit.canvas import Canvas
from widgets.kit.layout_process import Shared
from widgets.kit.plot import figure_class
from widgets.kit.session import Session
from widgets.kit.still import Still, _encoded, png

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(60, 4)).astype("float32"), np.arange(60) % 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


def opened(**given):
    """A panel with a result and every tab built."""
    panel = explore(X, Y, methods=["kcenter", "Random, over all classes"], k_max=12, run=False, **given)
    panel.run(wait=True)
    for tab in ("images", "curves", "compare", "map"):
        panel.session.tab = tab
    return panel


def live() -> set[str]:
    """The widgets that the page knows."""
    return set(_instances)


def test_closing_closes_every_widget_and_frees_the_pool_while_the_panel_is_still_named():
    opened().close()  # what is made once, and kept for all panels
    gc.collect()
    before = live()
    panel = opened()
    pool, figure = weakref.ref(panel.session.result.pool), panel._made["curves"].children[0].children[0]
    picks = panel.selection.indices.tolist()
    assert len(live() - before) > 150
    panel.close()
    assert live() == before and figure.comm is None
    assert panel.control.background.probes.wait(30)  # what it measured is dropped at its next step
    gc.collect()
    assert pool() is None and panel.session.data is None
    assert panel.selection.indices.tolist() == picks and len(panel.selections) == 2
    assert panel.code.startswith("import coreset_explore") and panel.config["budget"] == 12
    panel.close()
    with pytest.raises(RuntimeError, match="was closed and holds no data any more; open another"):
        panel.run()


def test_a_panel_put_away_can_be_run_without_a_page():
    panel = opened()
    panel.session.j = 1
    picks = panel.selection.indices.tolist()
    panel.put_away()
    panel.run(wait=True)
    assert not panel.away and panel.session.j == 1 and panel.selection.indices.tolist() == picks
    panel.close()


def test_a_panel_put_away_keeps_its_settings_and_comes_back_as_it_was():
    panel = opened(seed=3)
    panel.session.j, panel.session.tab = 1, "images"
    picks, widgets = panel.selection.indices.tolist(), live()
    panel.put_away()
    assert panel.session.result is None and panel.children == (panel._page,)
    assert len(widgets - live()) > 150
    assert panel.selection.indices.tolist() == picks
    panel._page._heard(None, {"kind": "here", "view": "a"}, [])
    assert panel.control.main.wait(30) and panel.session.status == "done"
    assert panel.session.tab == "images" and panel.selection.indices.tolist() == picks
    assert "k-center" in texts(panel)
    panel.close()


def test_the_parts_of_a_widget_are_what_its_traits_hold():
    button = w.Button()
    box = w.VBox([w.HBox([button]), button])
    found = list(closing.parts(box))
    assert {button, button.style, button.layout, box.layout} < set(found) and len(found) == len(set(found))


def test_a_panel_brings_no_layout_that_is_empty_and_no_style():
    panel = opened()
    models = [one for one in closing.parts(panel) if isinstance(one, w.Layout | w.Style)]
    assert len(models) <= 6, "of two maps, two plots and two fields of a width of their own"
    panel.close()


def test_a_plain_control_is_the_one_of_ipywidgets_without_its_two_models():
    bare, given = plain.Text(value="a"), plain.Box([], layout={"width": "84px"})
    assert isinstance(bare, w.Text) and bare.layout is None and bare.style is None and bare.value == "a"
    assert isinstance(given.layout, w.Layout) and given.layout.width == "84px"
    state = bare.get_state()
    assert state["layout"] is None and state["style"] is None and state["_model_name"] == "TextModel"


# -- who shows it -----------------------------------------------------------------------------------------------------


def said(panel, kind: str, view: str) -> None:
    panel._page._heard(None, {"kind": kind, "view": view}, [])


@pytest.fixture
def panel():
    made = explore(X, methods=["kcenter"], k_max=12, run=False)
    made.run(wait=True)
    made.loop = made._page.loop = Loop()
    yield made
    made.close()


def test_a_view_that_answers_a_roll_call_keeps_the_panel(panel):
    said(panel, "here", "one")
    said(panel, "here", "of a page that was loaded anew")
    said(panel, "here", "two")
    said(panel, "bye", "two")
    said(panel, "here", "one")
    panel.loop.run()
    assert panel._page.views == {"one"} and not panel.loop.calls and not panel.away


def test_on_no_page_it_is_put_away_after_a_while_and_not_while_it_runs(panel):
    said(panel, "here", "one")
    said(panel, "bye", "one")
    panel.loop.run()
    assert [call.seconds for call in panel.loop.calls] == [60]
    panel.session.begin()
    panel.loop.run()
    assert not panel.away and [call.seconds for call in panel.loop.calls] == [60]
    panel.session.done()
    panel.loop.run()
    assert panel.away and panel.comm is not None


def test_a_page_that_comes_back_in_time_finds_it_as_it_was(panel):
    said(panel, "here", "one")
    said(panel, "bye", "one")
    panel.loop.run()
    said(panel, "here", "the page loaded anew")
    panel.loop.run()
    assert not panel.away and panel.session.result is not None


def test_a_panel_whose_cell_shows_another_is_closed_unless_a_variable_names_it(panel, monkeypatch):
    runs = iter([("cell", "run 1"), ("cell", "run 1"), ("cell", "run 2"), ("", "")])
    monkeypatch.setattr(place, "_running", lambda: next(runs))
    monkeypatch.setattr(place, "_places", {})
    names = {"mine": panel}
    monkeypatch.setattr(place, "named", lambda one: one in names.values())
    other = explore(X, methods=["kcenter"], run=False)
    panel._repr_mimebundle_()
    other._repr_mimebundle_()  # two panels of one run: neither replaces the other
    assert not panel.replaced and not other.replaced
    newest = explore(X, methods=["kcenter"], run=False)
    newest._repr_mimebundle_()
    assert panel.replaced and other.replaced
    panel.loop.run()
    assert panel.away and panel.comm is not None and panel.session.data is not None
    names.clear()
    panel._page.call()
    panel.loop.run()
    assert panel.comm is None and panel.session.data is None
    for one in (other, newest):
        one.close()


# -- one process for all ----------------------------------------------------------------------------------------------


class Process:
    """Stands in for the worker: waits for `go`."""

    made = 0

    def __init__(self):
        type(self).made += 1
        self.closed, self.go, self.inside = False, threading.Event(), threading.Event()

    def __call__(self, word: str) -> str:
        self.inside.set()
        assert self.go.wait(10)
        return word

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def shared(monkeypatch):
    monkeypatch.setattr(Process, "made", 0)
    made = Shared(Process, idle=0.2)
    yield made
    made.end()


def test_one_process_serves_all_in_turn_and_ends_with_the_last(shared):
    one, two = object(), object()
    first, second = shared.runner(one), shared.runner(two)
    answers = []
    threads = [threading.Thread(target=lambda run=run, word=word: answers.append(run(word)))
               for run, word in ((first, "a"), (second, "b"))]  # fmt: skip
    threads[0].start()
    while shared._process is None:
        time.sleep(0.005)
    process = shared._process
    assert process.inside.wait(5)
    threads[1].start()
    process.go.set()
    for thread in threads:
        thread.join(5)
    assert sorted(answers) == ["a", "b"] and Process.made == 1
    shared.let_go(one)
    assert not process.closed
    shared.let_go(two)
    assert process.closed and not shared.running


def test_who_waits_for_a_turn_can_be_cancelled(shared):
    run = shared.runner(self := object())
    with shared._turn, pytest.raises(Cancelled), listening(should_stop=lambda: True):
        run("a")
    shared.let_go(self)


def test_an_idle_process_ends_and_the_next_request_starts_another(shared):
    run = shared.runner(object())

    def asked() -> Process:
        thread = threading.Thread(target=run, args=("a",))
        thread.start()
        while shared._process is None:
            time.sleep(0.005)
        process = shared._process
        process.go.set()
        thread.join(5)
        return process

    first = asked()
    end = time.monotonic() + 5
    while not first.closed and time.monotonic() < end:
        time.sleep(0.01)
    assert first.closed and not shared.running
    assert asked() is not first and Process.made == 2


def test_a_timer_that_a_closed_panel_left_does_nothing():
    async def story() -> None:
        panel = explore(X, methods=["kcenter"], k_max=12)
        while panel.session.status != "done":
            await asyncio.sleep(0.01)
        panel.session.j = 0  # the sizes are stated a little later
        panel.close()
        await asyncio.sleep(0.4)
        assert panel.session.problem is None

    asyncio.run(story())


# -- what a saved notebook shows --------------------------------------------------------------------------------------


def test_a_picture_holds_the_mark_by_which_style_hides_it():
    from PIL import Image

    for image in (Image.new("P", (1, 1)), Image.new("RGB", (300, 200), "red").quantize(16)):
        data = base64.b64encode(png(image, "a1b2c3")).decode()
        assert _encoded("a1b2c3") in data and _encoded("a1b2c4") not in data


def test_the_picture_is_small_and_shows_the_tab_that_is_open():
    panel = opened()
    still = panel._still
    for tab in ("map", "compare"):
        panel.session.tab = tab
        picture = still._made(panel.portrait()())
        assert 2_000 < len(picture) < 150_000
    panel.session.forget()
    assert panel.portrait() is None
    panel.close()


def test_it_is_drawn_anew_only_after_a_change_and_while_nothing_moves():
    loop, told = Loop(), []
    task, moved = Session(), [0.0]
    still = Still(
        task, loop, "m", draw=lambda: told.append("drawn"), watch=["tab"],
        quiet=lambda: moved[0], wanted=lambda: True,
    )  # fmt: skip
    task.tab = "map"
    assert not loop.calls  # nobody has shown it
    still._handle = object()
    task.tab = "images"
    task.tab = "map"
    assert len(loop.calls) == 1
    loop.run()
    assert told == [] and loop.calls  # something moves
    moved[0] = 5.0
    loop.run()
    assert told == ["drawn"] and not loop.calls


def test_a_large_module_is_sent_once_a_kernel_and_outlives_its_widgets():
    one, other = Canvas(300), Canvas(300)
    assert one.widget.source == other.widget.source and one.widget.module == other.widget.module
    assert len(one.widget._esm) < 5000 < len(instance(one.widget.source).text)
    figure = figure_class()()
    assert figure.source != one.widget.source and len(figure._esm) < 5000
    one.close()
    held = instance(other.widget.source)
    assert held.comm is not None, "others are made of it"
    held.close()  # as `Widget.close_all` does
    assert Canvas(300).widget.source != other.widget.source


def instance(reference: str):
    return _instances[reference.removeprefix("IPY_MODEL_")]
