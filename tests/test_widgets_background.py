"""What goes on beside Select: layouts (one at a time, late ones dropped, the user's wish first) and accuracies."""

import threading
import time

import numpy as np
import pytest
import torch

from coreset_explore import progress
from coreset_explore.projection import Map
from tests.panels import Loop
from widgets import explore
from widgets.explorer import accuracy as judging
from widgets.explorer import result as work
from widgets.explorer.arguments import preset
from widgets.explorer.rail import advice

rng = np.random.default_rng(1)
X = rng.normal(size=(80, 4)).astype("float32")
Y = np.arange(80) % 4


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))


class Layouts:
    """Stands in for UMAP and t-SNE: waits for `go`, counts who works at once; t-SNE hears a cancel, UMAP does not."""

    def __init__(self):
        self.go, self.asked, self.now, self.most = threading.Event(), [], 0, 0

    def __call__(self, pool, name, seed, runner=None):
        self.asked.append(name)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            while name != "PCA" and not self.go.wait(0.01):
                if name == "t-SNE":
                    progress.check()
        finally:
            self.now -= 1
        return Map(torch.full((len(pool), 2), float(len(name))), "pca", name, seed, 0.0)


@pytest.fixture
def layouts(monkeypatch):
    made = Layouts()
    monkeypatch.setattr(work, "layout", made)
    yield made
    made.go.set()


@pytest.fixture
def panel():
    made = []

    def make(**given):
        made.append(explore(X, k_max=10, methods=["kcenter"], run=False, **given).run(wait=True))
        return made[-1]

    yield make
    for one in made:
        one.close()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_nothing_heavy_starts_before_a_page_shows_the_panel(layouts, panel):
    made = panel()
    assert layouts.asked == ["PCA"] and made.session.layout == "PCA" and not made.session.layout_note


def test_umap_comes_by_itself_once_seen_and_is_shown_unless_the_user_chose(layouts, panel):
    made = panel()
    background, session = made.control.background, made.session
    background.seen()
    assert session.layout_note == "Computing UMAP" and session.layout == "PCA"
    background.seen()  # the panel's width changed: nothing starts twice
    assert layouts.asked.count("UMAP") <= 1
    layouts.go.set()
    assert background.layouts.wait(30)
    assert session.layout == "UMAP" and set(session.maps) == {"PCA", "UMAP"} and session.layout_note == ""


def test_the_users_choice_of_a_layout_is_kept(layouts, panel):
    made = panel()
    made.control.background.seen()
    made.session.layout = "t-SNE"
    made.session.layout = "PCA"
    layouts.go.set()
    until(lambda: not made.control.background.layouts.alive)
    assert made.session.layout == "PCA"


def test_choosing_the_layout_under_way_does_not_start_it_again(layouts, panel):
    made = panel()
    made.control.background.seen()
    until(lambda: "UMAP" in layouts.asked)
    made.session.layout = "UMAP"
    layouts.go.set()
    assert made.control.background.layouts.wait(30)
    assert layouts.asked.count("UMAP") == 1 and "UMAP" in made.session.maps


def test_stop_is_idle_at_once_and_the_late_umap_is_dropped(layouts, panel):
    made = panel()
    session, background = made.session, made.control.background
    session.layout = "UMAP"
    until(lambda: layouts.now == 1)
    start = time.monotonic()
    background.stop_map()
    assert time.monotonic() - start < 0.2
    assert session.layout == "PCA" and session.layout_note == "" and background.layouts.alive
    layouts.go.set()
    assert background.layouts.wait(30)
    assert "UMAP" not in session.maps


def test_never_a_second_umap_beside_one_still_running(layouts, panel):
    made = panel()
    session, background = made.session, made.control.background
    session.layout = "UMAP"
    until(lambda: layouts.now == 1)
    background.stop_map()
    session.layout = "UMAP"
    time.sleep(0.2)
    assert layouts.now == 1
    layouts.go.set()
    assert background.layouts.wait(30)
    assert layouts.most == 1 and layouts.asked.count("UMAP") == 2 and "UMAP" in session.maps


def test_tsne_stops_within_a_third_of_a_second(layouts, panel):
    made = panel()
    made.session.layout = "t-SNE"
    until(lambda: layouts.now == 1)
    start = time.monotonic()
    made.control.background.stop_map()
    assert made.control.background.layouts.wait(1) and time.monotonic() - start < 0.3


def test_a_new_pool_drops_the_old_map_and_lays_out_what_the_user_wished(layouts, panel):
    made = panel()
    layouts.go.set()
    made.session.layout = "UMAP"
    assert made.control.background.layouts.wait(30)
    old = made.session.maps["UMAP"]
    made.session.seed = 5
    made.run(wait=True)
    assert made.control.background.layouts.wait(30)
    assert made.session.layout == "UMAP" and made.session.maps["UMAP"] is not old


def test_a_layout_that_fails_says_so_and_pca_is_shown(monkeypatch, panel):
    def failing(pool, name, seed, runner=None):
        if name != "PCA":
            raise ImportError("UMAP needs umap-learn; pip install umap-learn")
        return Map(torch.zeros(len(pool), 2), "pca", "PCA", seed, 0.0)

    monkeypatch.setattr(work, "layout", failing)
    made = panel()
    made.session.layout = "UMAP"
    assert made.control.background.layouts.wait(30)
    assert made.session.layout == "PCA" and "umap-learn" in made.session.problem.sentence
    assert made.session.result is not None and made.session.layout_note == ""


# -- accuracies -------------------------------------------------------------------------------------------------------


def labelled(**given):
    centers = 3 * np.eye(4, dtype="float32")
    x = X + centers[Y]
    return explore((x, Y), k_max=20, methods=["kcenter"], run=False, **given).run(wait=True)


def test_accuracies_follow_when_curves_opens_and_only_once():
    panel = labelled()
    session, background = panel.session, panel.control.background
    assert session.run.accuracy is None and background.probes.thread is None
    session.tab = "curves"
    assert background.probes.wait(30)
    assert session.problem is None and session.probe_note == ""
    frame = session.run.accuracy
    assert set(frame["method"]) == {"k-center"} and len(set(frame["seed"])) == judging.PROBE_SEEDS
    assert set(frame["budget"]) <= set(session.result.budgets) and 20 in set(frame["budget"])
    assert frame["accuracy"].between(0.25, 1).all()
    assert len(session.result.random.accuracy) == len(frame)
    first = background.probes.thread
    session.tab = "map"
    session.tab = "curves"
    assert background.probes.thread is first


def test_accuracies_come_one_method_after_the_other_and_can_be_stopped(monkeypatch):
    real, go = judging.accuracies, threading.Event()

    def slowly(result, also):
        for part in real(result, also):
            yield part
            assert go.wait(10)
        return part

    monkeypatch.setattr(judging, "accuracies", slowly)
    panel = labelled()
    session, probes = panel.session, panel.control.background.probes
    session.tab = "curves"
    deadline = time.monotonic() + 20
    while session.result.random.accuracy is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert session.result.random.accuracy is not None and session.run.accuracy is None, "random comes first"
    assert session.probe_note.startswith("Measuring")
    session.asked = {"stop": "accuracies"}
    assert session.probe_note == "Accuracies stopped." and session.asked is None
    go.set()
    assert probes.wait(20) and session.run.accuracy is None
    session.tab = "map"
    session.tab = "curves"
    assert session.run.accuracy is None, "what was stopped is not begun again by looking"
    session.data_name = "no such data"
    panel.run()
    assert panel.control.main.wait(20) and session.status == "error"
    assert probes.wait(20) and session.run.accuracy is None, "nor by a run that fails"
    assert session.probe_note == "Accuracies stopped."


def test_a_new_run_drops_accuracies_under_way_and_measures_its_own(monkeypatch):
    go, real = threading.Event(), judging.accuracies
    monkeypatch.setattr(judging, "accuracies", lambda result, also: go.wait(5) and real(result, also))
    panel = labelled()
    session = panel.session
    session.tab = "curves"
    first = session.result
    session.k_max = 10
    panel.run(wait=False)
    assert panel.control.main.wait(20)
    second = session.result
    assert second is not first
    go.set()
    assert panel.control.background.probes.wait(30)
    assert session.result.budgets == second.budgets and session.run.accuracy is not None


def test_without_labels_the_note_says_why_there_are_no_accuracies():
    panel = explore(X, k_max=10, methods=["kcenter"], run=False).run(wait=True)
    panel.session.tab = "curves"
    assert panel.session.probe_note == "No accuracies: the data has no labels."
    panel.session.choices = (preset("CRAIG"),)
    panel.run()
    assert panel.control.main.wait(20)
    assert panel.session.status == "error" and panel.session.problem is not None
    assert panel.session.probe_note == "No accuracies: the data has no labels.", "of what is shown still"
    panel.session.undo()
    assert panel.session.status == "done" and panel.session.problem is None and not panel.session.stale


def test_after_an_error_at_the_start_the_hint_is_not_to_press_select_as_it_is():
    panel = explore(X, k_max=10, methods=["CRAIG"], run=False)
    assert advice(panel.session).startswith("Press Select")
    panel.run()
    assert panel.control.main.wait(20)
    assert "change what the message names" in advice(panel.session)


def test_training_the_real_model_is_asked_for_and_can_be_cancelled():
    panel = explore("digits", k_max=40, methods=["kcenter"], epochs=1, run=False).run(wait=True)
    session = panel.session
    session.asked = {"train": {"budgets": (20, 40), "epochs": 2}}
    assert session.status == "running" and session.asked is None
    assert panel.control.main.wait(60)
    assert session.status == "done" and session.note.startswith("Trained in ")
    frame = session.trained
    assert set(frame["method"]) == {"k-center", "Random"} and set(frame["budget"]) == {20, 40}
    assert set(frame["model"]) == {"mlp"} and "test rows" in frame["judged"].iloc[0]
    session.asked = {"train": {"budgets": (40,), "epochs": 100_000}}
    time.sleep(0.6)
    panel.cancel()
    assert panel.control.main.wait(1.0)
    assert session.status == "idle" and session.trained is frame and session.result is not None


def test_the_curves_made_ahead_are_the_ones_that_open(panel):
    """Plotly's five megabytes go to the page while nobody waits; opening the tab makes no second figure."""
    one = panel()
    one.control.background.warmed()
    (ahead,) = one._ahead.values()
    assert ahead not in one._views.children
    one.session.tab = "curves"
    assert one._made["curves"] is ahead and ahead in one._views.children and not one._ahead
    one.control.background.warmed()
    assert not one._ahead


def test_curves_are_made_ahead_only_while_nothing_is_touched(panel):
    """The page stands still while it reads them, which whoever drags the slider would feel."""
    one = panel()
    one.loop = loop = Loop()
    one.session.j = 0
    one.control.background.warmed()
    assert not one._ahead and 0 < loop.calls[-1].seconds <= 3
    one._touched -= 10
    loop.run()
    assert list(one._ahead) == ["curves"] and not loop.calls


def test_opening_curves_draws_before_accuracies_are_measured(panel, monkeypatch):
    asked = []
    monkeypatch.setattr(judging, "accuracies", lambda result, also: asked.append(result) or result)
    one = panel(y=Y)
    background, session = one.control.background, one.session
    background.loop = loop = Loop()
    session.tab = "curves"
    assert background.probes.thread is None and not asked
    session.tab = "map"  # left again before they began
    loop.run()
    assert background.probes.thread is None
    session.tab = "curves"
    loop.run()
    assert background.probes.wait(5) and asked == [session.result]
