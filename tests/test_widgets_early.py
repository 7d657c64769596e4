"""A panel of many rows shows something true before signals are recorded and methods have run."""

import numpy as np
import pytest
import torch

from coreset_explore.experiment import runs
from widgets import explore
from widgets.explorer import result as work
from widgets.explorer.map_layout import Shown

rng = np.random.default_rng(0)
PICTURES = rng.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
LABELS = np.arange(60) % 3


@pytest.fixture(autouse=True)
def many(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(work, "MANY", 50)


def steps(panel) -> list[tuple[work.Result, str]]:
    """Each result that the panel shows in one run, and what runs at that time."""
    seen = []
    panel.session.observe(lambda change: seen.append((change["new"], panel.session.status)), "result")
    panel.run()
    assert panel.control.main.wait(60) and panel.session.problem is None
    return seen


def of_pictures(**given):
    return explore(PICTURES, y=LABELS, methods=["kcenter", "Random"], k_max=12, epochs=1, run=False, **given)


def test_pixels_first_then_the_signals_map_then_the_answer():
    panel = of_pictures()
    (pixels, one), (signals, two), (answer, three) = steps(panel)
    assert [one, two, three] == ["running", "running", "done"]
    assert [r.early for r in (pixels, signals, answer)] == [True, True, False]
    assert pixels.pool.emb.shape[1] == 64 and torch.equal(
        pixels.pool.emb, torch.tensor(PICTURES).flatten(1).float()
    )
    assert signals.pool is answer.pool and "grads" in repr(answer.pool)
    assert list(pixels.runs) == list(signals.runs) == ["Random"] and "k-center" in answer.runs
    assert all(values == [None] * len(pixels.budgets) for values in pixels.random.numbers.values())
    assert set(pixels.random.numbers) == set(answer.random.numbers)
    # what is shown early is what random answers there
    wanted = work.random_choice(pixels.pool).select(pixels.pool, pixels.budgets[-1], seed=0, show=False)
    assert torch.equal(pixels.random.selection.indices, wanted.indices)
    assert panel.session.active == "k-center", "random was shown because nothing else was there"
    assert not panel.session.stale and panel.session.maps["PCA"].note == "PCA"


def test_kept_signals_need_no_look_at_pixels_and_few_rows_none_at_all(monkeypatch):
    steps(of_pictures())
    assert [r.early for r, _ in steps(of_pictures())] == [True, False]
    monkeypatch.setattr(work, "MANY", 61)
    assert [r.early for r, _ in steps(of_pictures())] == [False]


def test_a_good_answer_is_not_replaced_by_an_early_one():
    panel = of_pictures()
    steps(panel)
    panel.session.seed = 1
    assert [r.early for r, _ in steps(panel)] == [False]


def test_the_map_says_what_is_early_and_names_the_pixels():
    panel = of_pictures()
    told = []

    def look(change) -> None:
        if change["new"].early:
            shown = Shown(panel.session)
            shown.choose()
            told.append((shown.busy(), shown.words()))

    panel.session.observe(look, "result")
    steps(panel)
    first, second = told
    assert first[0] == second[0] == "A first look at random picks; the methods have not answered yet"
    assert first[1] == "PCA of the pixels" and second[1] == "PCA of the features"


def test_cancelled_on_the_way_the_first_look_stays_and_select_goes_on(monkeypatch):
    panel = of_pictures()
    sweep = runs.sweep

    def cancelled(*given, **more):
        panel.control.main.job.cancel()
        return sweep(*given, **more)

    monkeypatch.setattr(runs, "sweep", cancelled)
    panel.run()
    assert panel.control.main.wait(60)
    assert panel.session.status == "idle" and panel.session.result.early
    monkeypatch.setattr(runs, "sweep", sweep)
    assert [r.early for r, _ in steps(panel)][-1] is False and "k-center" in panel.session.result.runs


def test_on_the_calling_thread_the_answer_alone_is_shown():
    panel = of_pictures()
    seen = []
    panel.session.observe(lambda change: seen.append(change["new"].early), "result")
    panel.run(wait=True)
    assert seen == [False]
