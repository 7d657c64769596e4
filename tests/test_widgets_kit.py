"""The kit by itself: a laboratory that counts, with a form, a run, a view and a shell, and nothing of the Explorer."""

import ast
import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import ipywidgets as w
import numpy as np
import pytest
from traitlets import Int

from coreset_explore import progress
from coreset_explore.params import Range, parameters
from tests.tree import button, texts
from widgets.kit.form import Controls, fields_for, section
from widgets.kit.kernel import kernel_loop
from widgets.kit.runner import Runner, action
from widgets.kit.session import Session
from widgets.kit.shell import Shell, header, status
from widgets.kit.task import Task
from widgets.kit.view import View, same


class Count(Session):
    """Counts to `end`, and shows every `step`."""

    SETTINGS = ("end",)
    end = Int(5)
    step = Int(1)

    @property
    def stale(self) -> bool:
        return self.result is not None and self.result[-1] != self.end


def count(end: int, pause: float = 0.0, broken: bool = False) -> list[int]:
    """1 to `end`."""
    found = []
    for i in progress.track(range(end), "counting"):
        time.sleep(pause)
        found.append(i + 1)
    if broken:
        raise RuntimeError("lost count")
    return found


class Counter(Shell):
    """The laboratory: what a training or a continual panel will look like, in thirty lines."""

    def __init__(self, **how):
        self.how, session, loop = how, Count(), kernel_loop()
        self.drawn: list[str] = []
        super().__init__(
            session,
            loop,
            header=lambda: header(session, "Counter", lambda: f"{session.end} numbers", ["end"], {}),
            rail=self._rail_of_it,
            tabs={"list": "List", "sum": "Sum"},
            build=lambda tab: getattr(self, f"_{tab}")(),
            blank="Numbers appear here.",
        )
        session.tab = "list"

    def prepare(self) -> None:
        self.runner = Runner(self.session, self.loop)

    def stop(self) -> None:
        self.runner.close()

    def resume(self) -> None:
        self.start()

    def _rail_of_it(self) -> w.Widget:
        session = self.session
        self.end = w.BoundedIntText(session.end, min=1, max=10**6)
        self.controls = Controls(session, end=self.end)
        button = action(session, self.runner, self.start, name="Count", advice=lambda: f"to {session.end}")
        return w.VBox([section("1 End", self.end), button]).add_class("cx-rail")

    def start(self) -> None:
        end = self.session.end
        self.runner.start(lambda: count(end, **self.how), lambda found: self.session.done(result=found))

    def _list(self) -> w.Widget:
        shown, session = w.HTML(), self.session

        def write() -> None:
            self.drawn.append("list")
            shown.value = " ".join(map(str, session.result[:: session.step]))

        view = View(
            session,
            {"list": (lambda: (session.result, session.step), write)},
            ["result", "step", "tab"],
            seen=lambda: session.tab == "list",
        )
        view.refresh()
        return shown

    def _sum(self) -> w.Widget:
        return w.HTML(str(sum(self.session.result)))


# -- the laboratory ---------------------------------------------------------------------------------------------------


def test_this_laboratory_is_made_of_the_kit_alone():
    """tests/test_layers.py holds that the kit itself imports no panel."""
    tree = ast.parse(Path(__file__).read_text())
    modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    panels = {name for name in modules if name.startswith("widgets.")}
    assert panels and all(name.startswith("widgets.kit.") for name in panels)
    assert [name for name in modules if name.startswith("tests")] == ["tests.tree"]


def test_a_run_a_setting_changed_and_a_run_again():
    panel = Counter()
    assert "Numbers appear here." in texts(panel) and button(panel, "Count")
    button(panel, "Count").click()
    assert panel.runner.wait(5) and panel.session.status == "done"
    assert "1 2 3 4 5" in texts(panel) and "Done in 0." in texts(panel)
    panel.end.value = 7
    assert panel.session.end == 7 and "7 numbers" in texts(panel) and button(panel, "Count again")
    assert "Settings changed" in texts(panel) and "cx-old" in panel._views._dom_classes
    button(panel, "Count again").click()
    assert panel.runner.wait(5)
    assert "1 2 3 4 5 6 7" in texts(panel) and "cx-old" not in panel._views._dom_classes


def test_progress_is_told_while_it_runs_and_cancel_keeps_the_last_result():
    panel = Counter()
    panel.start()
    assert panel.runner.wait(5)
    panel.how, panel.session.end = {"pause": 0.01}, 10**5
    panel.start()
    time.sleep(0.5)  # past the second half of a double click
    said = texts(panel)
    assert panel.session.status == "running" and button(panel, "Cancel") and "counting" in said
    assert 'role="progressbar"' in said and "Running " in said and 0 < panel.session.progress < 1
    button(panel, "Cancel").click()
    assert panel.runner.wait(1)
    assert panel.session.status == "idle" and panel.session.note.startswith("Cancelled at ")
    assert panel.session.result == [1, 2, 3, 4, 5] and button(panel, "Count again")


def test_what_fails_is_shown_until_it_is_closed_and_the_last_result_stays():
    panel = Counter()
    panel.start()
    assert panel.runner.wait(5)
    panel.how = {"broken": True}
    panel.start()
    assert panel.runner.wait(5)
    assert panel.session.status == "error" and "RuntimeError: lost count." in texts(panel)
    assert panel.session.result == [1, 2, 3, 4, 5]
    button(panel, "×").click()
    assert panel.session.status == "done" and panel.session.problem is None


def test_tabs_are_built_when_opened_and_a_hidden_one_is_drawn_when_it_is_shown():
    panel = Counter()
    panel.start()
    assert panel.runner.wait(5)
    assert list(panel._made) == ["list"] and panel.drawn == ["list"]
    panel.session.tab = "sum"
    assert "15" in texts(panel)
    panel.session.step = 2
    assert panel.drawn == ["list"]
    panel.session.tab = "list"
    assert panel.drawn == ["list", "list"] and "1 3 5" in texts(panel)
    panel.session.tab = "sum"
    panel.session.tab = "list"
    assert panel.drawn == ["list", "list"]


def test_the_page_writes_theme_and_width_and_a_dark_page_makes_a_dark_panel():
    panel = Counter()
    page = panel.children[1]
    page.theme, page.width = "dark", 620
    assert (panel.session.theme, panel.session.width) == ("dark", 620) and "dark" in panel._dom_classes


# -- Runner -----------------------------------------------------------------------------------------------------------


def test_one_run_at_a_time_and_a_double_click_is_no_cancel():
    go, begun = threading.Event(), []
    task = Task()
    runner = Runner(task)

    def work():
        begun.append(1)
        return go.wait(5)

    for _ in range(2):
        runner.start(work, lambda found: task.done(result=found))
        runner.cancel()
    assert task.status == "running"
    go.set()
    assert runner.wait(5) and begun == [1] and task.status == "done" and task.result is True


def test_an_answer_that_cannot_land_ends_the_run():
    task = Task()
    runner = Runner(task)
    runner.start(lambda: 1, lambda found: found.nothing)
    assert runner.wait(5)
    assert task.status == "error" and "AttributeError" in task.problem.sentence


def test_a_run_deaf_to_cancel_is_given_up_and_its_late_answer_dropped():
    go = threading.Event()

    async def story():
        task = Task()
        runner = Runner(task, asyncio.get_running_loop())
        runner.start(lambda: go.wait(20), lambda found: task.done(result=found))
        await asyncio.sleep(0.45)
        runner.cancel()
        assert task.status == "cancelling"
        await asyncio.sleep(2.2)
        assert task.status == "idle"
        go.set()
        await asyncio.to_thread(runner.wait, 5)
        await asyncio.sleep(0.05)
        assert task.result is None and task.status == "idle"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("raised", "state"),
    [(ValueError("no; do"), "error"), (KeyboardInterrupt(), "idle"), (progress.Cancelled(), "idle")],
)
def test_what_ends_a_run_on_the_calling_thread_is_shown_and_raised(raised, state):
    task = Task()
    runner = Runner(task)

    def work():
        raise raised

    with pytest.raises(type(raised)):
        runner.run_here(work, task.done, "Count")
    assert task.status == state and (task.problem is not None) == (state == "error")
    task.status = "running"
    with pytest.raises(RuntimeError, match="running already; cancel it first"):
        runner.run_here(work, task.done, "Count")


# -- Task -------------------------------------------------------------------------------------------------------------


def test_every_transition_is_one_change():
    task, seen = Task(), []
    state = ["status", "note", "progress", "activity", "remaining", "problem", "result"]
    task.observe(lambda change: seen.append((task.status, task.result, task.note)), state)

    def states(step) -> set:
        seen.clear()
        step()
        return set(seen)

    assert states(task.begin) == {("running", None, "")}
    task.progressed(0.5, "half")
    assert len(states(lambda: task.done("Done", result=1))) == 1
    task.begin()
    assert states(lambda: task.failed(ValueError("x"))) == {("error", 1, "")}
    assert states(task.dismiss) == {("done", 1, "")}
    task.begin()
    task.progressed(0.25, "")
    task.cancelling()
    assert states(task.cancelled) == {("idle", 1, "Cancelled at 25 %")}


def test_the_bar_never_goes_back_and_the_rest_is_estimated_once_two_guesses_agree():
    task = Task()
    task.begin()
    task.progressed(0.5, "a")
    task.progressed(0.4, "b")
    assert task.progress == 0.5 and task.activity == "b" and task.remaining == -1
    task._began -= 10
    task.progressed(0.5, "c")
    assert task.remaining == -1, "one guess is none"
    task._began -= 4
    task.progressed(0.7, "d")
    assert task.remaining == pytest.approx(6, abs=0.5)
    task._began -= 6
    task.progressed(0.71, "another stage, ten times as slow")
    assert task.remaining == -1
    task.begin()
    task._began -= 10
    task.progressed(0.5, "c")
    assert task.remaining == -1, "of another run nothing is kept"


def test_an_error_before_any_result_leaves_the_panel_idle_when_it_is_closed():
    task = Task()
    task.begin()
    task.failed(ValueError("x"))
    assert status(task) == ("error", "Error")
    task.dismiss()
    assert status(task) == ("idle", "Ready")


# -- View -------------------------------------------------------------------------------------------------------------


class Box(Task):
    a, b, shown = Int(0), Int(0), Int(1)


def view_of(**parts) -> tuple[Box, View, list]:
    """A view of parts {name: made_of}; what was drawn."""
    box, drawn = Box(result=1), []
    told = {name: (lambda f=f: f(box), lambda name=name: drawn.append(name)) for name, f in parts.items()}
    return box, View(box, told, ["a", "b", "shown", "result"], seen=lambda: bool(box.shown)), drawn


def test_a_part_is_drawn_when_what_it_is_made_of_changed_and_not_otherwise():
    box, view, drawn = view_of(one=lambda box: (box.a,), both=lambda box: (box.a, box.b), none=lambda _: None)
    view.refresh()
    assert drawn == ["one", "both"]
    box.b = 1
    assert drawn == ["one", "both", "both"]
    view.refresh()
    assert drawn == ["one", "both", "both"]


def test_a_view_made_ahead_is_drawn_and_from_then_on_only_while_it_is_seen():
    box, view, drawn = view_of(one=lambda box: (box.a,))
    box.shown = 0
    view.refresh()
    assert drawn == ["one"]
    box.a = 5
    assert drawn == ["one"]
    box.shown = 1
    assert drawn == ["one", "one"]


def test_nothing_is_drawn_before_there_is_a_result():
    box, view, drawn = view_of(one=lambda box: (box.a,))
    box.result = None
    view.refresh()
    assert drawn == []
    box.result = 2
    assert drawn == ["one"]


def test_what_another_parts_drawing_held_counts_as_drawn():
    box = Box(result=1)
    drawn = []

    def whole() -> None:
        drawn.append("whole")
        view.drawn("look")

    parts = {
        "whole": (lambda: (box.a,), whole),
        "look": (lambda: (box.a, box.b), lambda: drawn.append("look")),
    }
    view = View(box, parts, ["a", "b"])
    view.refresh()
    box.a = 1
    box.b = 1
    assert drawn == ["whole", "whole", "look"]


def test_a_part_that_changes_what_an_earlier_one_is_made_of_is_followed():
    box = Box(result=1)
    drawn = []

    def second() -> None:
        box.a = box.b

    parts = {"first": (lambda: (box.a,), lambda: drawn.append(box.a)), "second": (lambda: (box.b,), second)}
    view = View(box, parts, ["a", "b"])
    view.refresh()
    box.b = 3
    assert drawn == [0, 3]


def test_a_part_that_fails_says_so_once_and_those_behind_it_come_with_the_next_change():
    box, drawn = Box(result=1), []
    parts = {
        "broken": (lambda: (box.a,), lambda: 1 / 0),
        "sound": (lambda: (box.b,), lambda: drawn.append(box.b)),
    }
    view = View(box, parts, ["a", "b"])
    view.refresh()
    assert "ZeroDivisionError" in box.problem.sentence
    box.dismiss()
    box.b = 1
    assert drawn == [1] and box.problem is None
    box.a = 1
    assert box.problem is not None


def test_what_counts_as_the_same():
    array, other = np.arange(3), np.arange(3)
    for one, two, wanted in (
        (("a", 1, 0.5), ("a", 1, 0.5), True), ((1,), (1, 2), False), (None, None, True), (None, 0, False),
        ((array,), (array,), True), ((array,), (other,), False), ((array,), (None,), False), ("1", 1, False),
        ({"a": array}, {"a": array}, True), ({"a": 1}, {"b": 1}, False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
    ):  # fmt: skip
        assert same(one, two) is wanted and same(two, one) is wanted, (one, two)


# -- forms ------------------------------------------------------------------------------------------------------------


def test_what_the_panel_puts_into_a_control_is_not_the_users_doing():
    session = Count()
    box = w.Dropdown(options=[1, 2, 5], value=5)
    controls = Controls(session, end=box)
    controls.put(box, 9, [8, 9])
    assert (box.value, box.options, session.end) == (9, (8, 9), 5)
    box.value = 8
    assert session.end == 8


def test_a_form_is_made_from_a_signature_and_hears_checked_values():
    def fn(pool, k, *, rng, share: Annotated[float, Range(0, 1), "kept"] = 0.5, fast: bool = True):
        """A method."""

    heard = []
    fields = fields_for(
        Count(), parameters(fn, ("pool", "k", "rng")), {"share": 0.25}, lambda *said: heard.append(said)
    )
    share = fields[0].children[1]
    assert (share.value, share.min, share.max, share.tooltip) == (0.25, 0, 1, "kept")
    share.value, fields[1].value = 0.75, False
    assert heard == [("share", 0.75), ("fast", False)]


def test_what_is_heavy_is_made_ahead_only_while_nothing_is_touched():
    from tests.panels import Loop  # here, since it brings the Explorer with it

    panel = Counter()
    panel.start()
    assert panel.runner.wait(5)
    panel.loop = loop = Loop()
    panel._touched = time.monotonic()
    panel.make_ahead("sum")
    assert not panel._ahead and 0 < loop.calls[-1].seconds <= 3
    panel._touched -= 10
    loop.run()
    assert list(panel._ahead) == ["sum"] and not loop.calls
    panel.loop, ahead = None, panel._ahead["sum"]
    panel.session.tab = "sum"
    assert panel._made["sum"] is ahead


HALF_IMPORTED = """
import importlib.abc, importlib.util, sys, threading, time
import plotly.graph_objs._figurewidget
from widgets.kit.plot import figure
assert "pandas" not in sys.modules

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "pandas":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("pandas")
        run = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (started.set(), time.sleep(0.5), run(module))
        return spec

started = threading.Event()
sys.meta_path.insert(0, Slow())
threading.Thread(target=lambda: __import__("pandas")).start()
started.wait()
figure({}).add_scatter(x=[1], y=[2])
print("drawn")
"""


def test_what_draws_waits_for_pandas_which_another_thread_may_be_importing():
    """plotly asks the pandas in sys.modules for its Series, whether it is whole or not."""
    answer = subprocess.run([sys.executable, "-c", HALF_IMPORTED], capture_output=True, text=True)
    assert answer.returncode == 0 and answer.stdout.strip() == "drawn", answer.stderr
