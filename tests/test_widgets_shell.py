"""The panel without a browser: states, stale results, errors that keep the last result, config and code, bad input."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import ipywidgets
import numpy as np
import pandas
import pytest
import torch

import coreset_explore as cx
from coreset_explore import progress
from coreset_explore.registry import METHODS, selector
from coreset_explore.selecting.strategy import Strategy, presets
from tests.tree import button, texts, widgets_in
from widgets import Explorer, explore
from widgets.explorer import accuracy as judging
from widgets.explorer.arguments import preset
from widgets.explorer.chosen import add, lack
from widgets.explorer.export import offered, whose, write
from widgets.explorer.method_adder import matching
from widgets.kit.amounts import counted, written
from widgets.kit.form import control_for
from widgets.kit.problems import Problem
from widgets.kit.shell import status

ROOT = Path(__file__).resolve().parent.parent
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype("float32")
Y = np.array(["cat", "dog", "eel"])[np.arange(60) % 3]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def slow():
    """A method of one's own that waits until `slow.go` is set, and can be cancelled unless `slow.deaf`."""

    class Control:
        go, inside, deaf = threading.Event(), threading.Event(), False

    @selector(needs="emb", title="Slow")
    def slow_for_panel(pool, k, *, rng, given=()) -> cx.Selection:
        """Waits."""
        Control.inside.set()
        while not Control.go.wait(0.01):
            if not Control.deaf:
                progress.check()
        return cx.Selection(torch.arange(k), torch.ones(k))

    yield Control
    Control.go.set()
    METHODS._found.pop("slow_for_panel")


@pytest.fixture
def broken():
    """A method of one's own with a mistake in it."""

    @selector(needs="emb", title="Broken")
    def broken_for_panel(pool, k, *, rng, given=()) -> cx.Selection:
        """Fails."""
        return {}["nothing"]

    yield "broken_for_panel"
    METHODS._found.pop("broken_for_panel")


def panel_of(*args, wait=True, **given) -> Explorer:
    """A panel on features without labels: nothing is trained, so it answers in milliseconds."""
    given = {"methods": ["kcenter", "Random, over all classes"], "k_max": 20, **given}
    made = explore(*(args or (X,)), **given)
    if wait:
        assert made.control.main.wait(30)
    return made


# -- states -----------------------------------------------------------------------------------------------------------


def test_a_run_goes_from_idle_over_running_to_done(slow):
    panel = panel_of(methods=["slow_for_panel"], run=False)
    session = panel.session
    assert (session.status, status(panel.session)) == ("idle", ("idle", "Ready"))
    button(panel, "Select").click()
    assert slow.inside.wait(30)
    assert session.status == "running" and button(panel, "Cancel")
    assert status(session)[1].startswith("Running ")
    slow.go.set()
    assert panel.control.main.wait(30)
    assert session.status == "done" and session.note.startswith("Done in ")
    assert session.budget == 20 and len(panel.selection) == 20
    assert button(panel, "Select")


def test_cancel_keeps_the_last_result_and_leaves_no_thread_within_a_second(slow):
    panel = panel_of()
    before = panel.session.result
    panel.session.choices = ()
    add(panel.session, preset("slow_for_panel"))
    panel.run()
    assert slow.inside.wait(30)
    time.sleep(0.45)  # a double click's second half is no Cancel
    start = time.monotonic()
    button(panel, "Cancel").click()
    assert panel.session.status in ("cancelling", "idle")
    assert panel.control.main.wait(1.0) and time.monotonic() - start < 1.0
    assert panel.session.result is before
    assert panel.session.status == "idle" and panel.session.note.startswith("Cancelled")
    assert status(panel.session)[1] == "Settings changed"


def test_a_double_click_is_one_run_and_no_cancel(slow):
    panel = panel_of(methods=["slow_for_panel"], run=False)
    select = button(panel, "Select")
    select.click()
    assert slow.inside.wait(30)
    first = panel.control.main.job.thread
    select.click()
    assert panel.control.main.job.thread is first and panel.session.status == "running"
    panel.run()
    assert panel.control.main.job.thread is first
    slow.go.set()
    assert panel.control.main.wait(30) and panel.session.status == "done"


def test_settings_changed_while_running_make_the_result_stale_and_say_so(slow):
    panel = panel_of(methods=["slow_for_panel"], wait=False)
    assert slow.inside.wait(30)
    panel.session.seed = 7
    slow.go.set()
    assert panel.control.main.wait(30)
    assert panel.session.status == "done" and panel.session.stale
    assert status(panel.session) == ("done", "Settings changed")
    assert "Showing the previous result" in texts(panel) and button(panel, "Select again")
    panel.session.seed = 0
    assert not panel.session.stale and button(panel, "Select")


def test_the_slider_never_makes_a_result_stale():
    panel = panel_of()
    for j in range(len(panel.session.result.budgets)):
        panel.session.j = j
        assert not panel.session.stale
        assert len(panel.selection) == panel.session.result.budgets[j]


def test_a_run_deaf_to_cancel_frees_the_panel_and_its_late_answer_is_dropped(slow):
    slow.deaf = True

    async def story():
        panel = panel_of(methods=["slow_for_panel"], wait=False)
        assert panel.loop is asyncio.get_running_loop()
        await asyncio.to_thread(slow.inside.wait, 30)
        await asyncio.sleep(0.45)
        panel.cancel()
        assert panel.session.status == "cancelling"
        await asyncio.sleep(2.3)
        assert panel.session.status == "idle"
        slow.go.set()
        await asyncio.to_thread(panel.control.main.wait, 30)
        await asyncio.sleep(0.1)
        assert panel.session.result is None and panel.session.status == "idle"

    asyncio.run(story())


def test_with_a_loop_the_session_is_written_on_its_thread_only():
    async def story():
        threads = set()
        panel = panel_of(run=False, wait=False)
        panel.session.observe(
            lambda _: threads.add(threading.get_ident()), ["status", "progress", "result", "maps"]
        )
        panel.run()
        for _ in range(500):
            await asyncio.sleep(0.01)
            if panel.session.status == "done":
                break
        assert panel.session.status == "done" and threads == {threading.get_ident()}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("stage", "given"),
    [
        ("Recording signals", {"data": "digits", "epochs": 200}),
        ("k-center", {"data": np.ones((400, 300, 30)).cumsum(1).reshape(-1, 30), "k_max": 20_000}),
        (
            "coverage",
            {"data": rng.normal(size=(40_000, 64)), "methods": ["Random, over all classes"], "k_max": 8000},
        ),
    ],
)
def test_cancel_in_signals_selection_and_numbers_takes_under_a_second(stage, given):
    panel = panel_of(given.pop("data"), wait=False, **given)
    end = time.monotonic() + 60
    while stage not in panel.session.activity and time.monotonic() < end:
        assert panel.session.status == "running", panel.session.problem
        time.sleep(0.005)
    time.sleep(max(0.0, 0.45 - panel.session.seconds))
    panel.cancel()
    assert panel.session.status in ("cancelling", "idle")
    assert panel.control.main.wait(1.0)
    assert panel.session.status == "idle" and panel.session.problem is None
    assert panel.session.result is None or panel.session.result.early


def test_the_panel_pulls_in_nothing_heavy_before_it_is_needed():
    # what is imported ahead, on a thread of its own, comes sooner or later and is not waited for
    code = (
        "import sys; from widgets.explorer import panel; panel.warm = lambda: None; "
        "panel.explore(run=False); print(*sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert not {"umap", "numba", "sklearn", "plotly", "matplotlib"} & set(answer.stdout.split())


def test_run_and_wait_works_on_the_calling_thread_and_raises():
    panel = panel_of(run=False)
    assert panel.run(wait=True) is panel
    assert panel.control.main.job.thread is None and panel.session.status == "done"
    panel.session.k_max = 1000
    with pytest.raises(ValueError, match="asked for 1,000 of 60 rows"):
        panel.run(wait=True)
    assert panel.session.status == "error" and panel.session.result is not None


# -- errors keep what was there ---------------------------------------------------------------------------------------


def test_an_exception_in_ones_own_method_is_shown_and_the_result_kept(broken):
    panel = panel_of()
    before, picks = panel.session.result, panel.selection.indices.tolist()
    add(panel.session, preset(broken))
    panel.run()
    assert panel.control.main.wait(30)
    assert panel.session.status == "done" and panel.session.problem is None, "it stops none of the others"
    assert list(panel.session.result.runs) == list(before.runs) and panel.selection.indices.tolist() == picks
    shown = texts(panel)
    assert "Broken: KeyError: &#x27;nothing&#x27;." in shown and "broken_for_panel()" in shown
    assert "Traceback" in shown
    panel.session.choices = panel.session.choices[:2]
    assert "nothing" not in texts(panel), "what it said goes with it"
    panel.session.choices = (preset(broken),)
    panel.run()
    assert panel.control.main.wait(30)
    assert panel.session.status == "error" and status(panel.session)[1] == "Error"
    problem = panel.session.problem
    assert problem.sentence == "Broken: KeyError: 'nothing'." and "broken_for_panel()" in problem.advice
    assert list(panel.session.result.runs) == list(before.runs), "where none can answer the last result stays"
    panel.session.choices = before.runs["k-center"].strategy, *panel.session.choices
    panel.run()
    assert panel.control.main.wait(30) and panel.session.problem is None and panel.session.status == "done"


def test_a_method_that_cannot_answer_stops_none_of_the_others():
    panel = explore(
        X, np.arange(60) % 3, methods=["GLISTER", "k-center", "DUAL"], epochs=1, k_max=9, run=False
    )
    panel.run(wait=True)
    assert "k-center" in panel.session.result.runs and panel.session.status == "done"
    for name, error in panel.session.result.failed.items():
        assert str(error).split(";")[0].split(",")[0] in texts(panel).replace("&#x27;", "'"), name


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"data": "mnits"}, "did you mean mnist"),
        ({"data": "folder:/nowhere"}, "nowhere"),
        ({"data": X, "k_max": 61}, "asked for 61 of 60 rows"),
        ({"data": np.where(np.arange(60)[:, None] == 7, np.nan, X)}, "row 7"),
        ({"data": X, "methods": ["CRAIG"]}, "needs 'y'"),
        ({"data": X, "coords": X[:5, :2]}, "coords holds 5 points for 60 rows"),
        ({"data": X, "images": np.zeros((5, 8, 8), "uint8")}, "5 pictures for 60 rows"),
        ({"data": "digits", "model": "lenet"}, "lenet needs images of at least"),
        ({"data": np.full((9, 8, 8), -3.0)}, "pixels"),
    ],
)
def test_trouble_with_the_data_is_one_sentence_in_the_panel(given, says):
    panel = panel_of(given.pop("data"), **given)
    problem = panel.session.problem
    assert panel.session.status == "error" and panel.session.result is None
    assert says.lower() in f"{problem.sentence} {problem.advice}".lower()
    assert "\n" not in problem.sentence and len(problem.sentence) < 300


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"methods": ["crag"]}, "did you mean 'CRAIG'"),
        ({"imgaes": X}, "did you mean 'images'"),
        ({"coords": X}, r"coords wants \(n, 2\)"),
        ({"methods": [print]}, "not registered"),
        ({"config": {"schema": 99}}, "no config of the panel"),
        ({"selections": [[1, 2]] * 7}, "up to 6"),
    ],
)
def test_a_wrong_call_raises_one_sentence_at_once(given, says):
    with pytest.raises(ValueError, match=says):
        explore(X, run=False, **given)


def test_a_misspelt_parameter_in_a_config_is_refused_with_the_nearest():
    settings = panel_of(run=False).config
    settings["methods"][0]["params"] = {"metrik": "cosine"}
    with pytest.raises(ValueError, match="did you mean 'metric'"):
        explore(X, config=settings, run=False)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_rows_can_be_shown(n):
    panel = panel_of(X[:n], k_max=0)
    assert panel.session.status == "done", panel.session.problem
    assert len(panel.selection) == 1


def test_one_class_and_an_empty_class_work_or_say_why():
    for y, classes in ((["a"] * 60, None), (["a", "c"] * 30, ["a", "b", "c"])):
        panel = panel_of(X, y, methods=["kcenter", "Random"], k_max=10, classes=classes)
        assert panel.session.status == "done", panel.session.problem
        assert len(panel.selection) == 10


def test_float64_and_channels_last_images_are_taken():
    images = rng.random((30, 9, 9, 3))
    panel = panel_of(images)
    assert panel.session.status == "done", panel.session.problem
    assert panel.session.result.data.x.shape == (30, 3, 9, 9)


# -- what one can bring -----------------------------------------------------------------------------------------------


def test_a_pool_a_frame_a_pair_and_a_data_are_taken():
    import pandas

    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": Y})
    for data, given in (
        (cx.Pool.of(X, Y), {}),
        (frame, {"y": "kind"}),
        ((X, Y), {}),
        (cx.load(X, y=Y), {}),
    ):
        panel = panel_of(data, **given)
        assert panel.session.status == "done", panel.session.problem
        assert panel.session.result.pool.n_classes == 3 and panel.session.result.n == 60


def test_own_labels_pictures_map_and_selection_come_together():
    pictures = rng.integers(0, 256, (60, 8, 8)).astype("uint8")
    mine = cx.Selection.of([5, 3, 8, 1], [1.0, 2.0, 3.0, 4.0], name="mine")
    panel = panel_of(X, Y, images=pictures, coords=X[:, :2], selections=[mine], methods=["CRAIG"])
    session = panel.session
    assert session.status == "done", session.problem
    assert session.layout == "Yours" and torch.equal(session.maps["Yours"].xy, torch.as_tensor(X[:, :2]))
    assert session.result.data.kind == "images" and torch.equal(session.result.pool.emb, torch.as_tensor(X))
    session.active = "mine"
    assert panel.selection.indices.tolist() == [5, 3, 8, 1]
    assert panel.selection.weights.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert set(panel.selections) == {"CRAIG", "mine"} and session.result.random.strategy.method == "random"


def test_paths_beside_ones_own_features_become_their_pictures(tmp_path):
    from PIL import Image

    paths = []
    for i in range(60):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(np.full((10, 12, 3), i, "uint8")).save(paths[-1])
    for given in ({"images": paths}, {"files": paths}):
        panel = panel_of(X, Y, methods=["CRAIG"], **given)
        data = panel.session.result.data
        assert panel.session.status == "done", panel.session.problem
        assert data.kind == "images" and (data.thumbnail(7) == 7).all()
        assert write(panel.session, "txt", tmp_path).read_text().splitlines() == [
            str(paths[i]) for i in panel.selection.indices.tolist()
        ]


def test_labels_and_names_are_escaped_wherever_html_shows_them():
    evil = "<img src=x onerror=alert(1)>"
    y = np.array([evil, "b"])[np.arange(60) % 2]
    mine = cx.Selection.of([5, 3], name=evil)
    panel = panel_of(cx.load(X, y=y), selections={evil: mine})
    assert panel.session.status == "done", panel.session.problem
    panel.session.problem = Problem(evil, evil, evil)
    assert "&lt;img src=x" in texts(panel) and "<img src=x" not in texts(panel)


def test_random_is_always_there_and_not_computed_twice():
    panel = panel_of(methods=["kcenter"])
    assert panel.session.result.random.strategy.name == "Random"
    assert list(panel.session.result.runs) == ["k-center"]
    panel = panel_of()
    assert panel.session.result.random is panel.session.result.runs["Random, over all classes"]


def test_adding_a_method_keeps_the_other_answers():
    panel = panel_of(methods=["kcenter"])
    before = panel.session.result
    add(panel.session, preset("Random, over all classes"))
    panel.run(wait=True)
    after = panel.session.result
    assert after.pool is before.pool
    assert after.runs["k-center"].selection is before.runs["k-center"].selection


# -- rail -------------------------------------------------------------------------------------------------------------


def test_every_parameter_of_every_method_gets_a_control_with_its_range_and_help():
    for one in presets().values():
        for param in one.declared.params.values():
            control = control_for(param, {**one.params}.get(param.name, param.default))
            assert control.tooltip == param.help
            if param.low is not None:
                assert (control.min, control.max) == (param.low, param.high)
            if param.kind == "choice":
                assert {value for _, value in control.options} >= set(param.choices)


def test_the_right_end_takes_numbers_and_shares_and_refuses_the_rest():
    assert [counted(words, 1438) for words in ("", "72", "1,000", "5 %", "100%")] == [0, 72, 1000, 0.05, 1.0]
    assert counted("5 %", None) == 0.05 and written(0.05) == "5 %" and written(1000) == "1,000"
    for words, says in (
        ("0", "from 1 to 1,438"), ("1439", "from 1 to 1,438"), ("-3", "from 1"), ("2.5", "whole number"),
        ("many", "is no number of points"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            counted(words, 1438)
    for words in ("0 %", "101 %", "-5 %"):
        with pytest.raises(ValueError, match="a share above 0 and up to 100 %"):
            counted(words, None)


def test_seven_methods_are_refused():
    panel = panel_of(run=False)
    center = presets()["k-center"]
    for _ in range(4):
        add(panel.session, center)
    assert [c.name for c in panel.session.choices][2:4] == ["k-center (2)", "k-center (3)"]
    with pytest.raises(ValueError, match="6 methods are chosen; remove one first"):
        add(panel.session, center)
    assert button(panel, "6 methods: the most at once").disabled


def test_a_method_that_needs_what_the_pool_lacks_says_so():
    panel = panel_of()
    assert lack(panel.session, Strategy.of("gradmatch")) == "Needs gradients, and this data has none."
    assert lack(panel.session, Strategy.of("kcenter")) == ""


# -- tabs -------------------------------------------------------------------------------------------------------------


def test_tabs_are_built_when_first_opened_and_kept():
    panel = panel_of()
    assert set(panel._made) == {"map"}
    panel.session.tab = "images"
    first = panel._made["images"]
    panel.session.tab = "map"
    panel.session.tab = "images"
    assert panel._made["images"] is first and set(panel._made) == {"map", "images"}


# -- config and code --------------------------------------------------------------------------------------------------


def test_config_is_json_and_replays():
    panel = panel_of(methods=["kcenter", "Random, over all classes"], seed=3, k_max=15)
    panel.session.j = 2
    panel.session.active = "Random, over all classes"
    settings = json.loads(json.dumps(panel.config))
    with pytest.raises(ValueError, match="data of your own; pass it too"):
        explore(config=settings, run=False)
    again = Explorer.from_config(settings, X, run=False).run(wait=True)
    assert again.config == settings
    assert again.session.budget == panel.session.budget and again.session.active == "Random, over all classes"
    for name, selection in panel.selections.items():
        assert torch.equal(selection.indices, again.selections[name].indices)


@pytest.mark.slow
def test_code_gives_the_same_picks_and_weights_in_a_fresh_process(tmp_path):
    panel = explore("digits", methods=["CRAIG", "k-center", "Random"], run=False).run(wait=True)
    panel.session.j = 9
    code = panel.code
    assert 5 <= len([line for line in code.splitlines() if line]) <= 12
    assert "/" not in code
    show = "".join(
        f"\nprint(json.dumps([{name}.indices.tolist(), {name}.weights.tolist()]))"
        for name in ("craig", "k_center", "random")
    )
    script = tmp_path / "replay.py"
    script.write_text("import json\n" + code + show)
    answer = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert answer.returncode == 0, answer.stderr
    found = [json.loads(line) for line in answer.stdout.splitlines()[-3:]]
    for (rows, weights), selection in zip(found, panel.selections.values(), strict=True):
        assert rows == selection.indices.tolist() and weights == selection.weights.tolist()


def test_code_for_ones_own_features_runs_with_x_and_y():
    panel = panel_of(X, Y, methods=["CRAIG", "kcenter"])
    names = {"X": X, "y": Y}
    exec(panel.code, names)
    for name, key in (("CRAIG", "craig"), ("k-center", "k_center")):
        assert torch.equal(names[key].indices, panel.selections[name].indices)
        assert torch.equal(names[key].weights, panel.selections[name].weights)


# -- export -----------------------------------------------------------------------------------------------------------


def test_export_writes_what_is_on_the_screen(tmp_path):
    panel = panel_of()
    panel.session.j = 3
    want = panel.selection.indices.tolist()
    for form in ("npz", "parquet"):
        path = write(panel.session, form, tmp_path / "out")
        assert cx.Selection.load(path).indices.tolist() == want
    assert len(write(panel.session, "csv", tmp_path / "out").read_text().splitlines()) == len(want) + 1
    with pytest.raises(ValueError, match="does not come from files"):
        write(panel.session, "copy", tmp_path / "out")


def test_export_lists_and_copies_the_chosen_files(tmp_path):
    from PIL import Image

    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 256, (12, 12, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    panel = panel_of(cx.load(f"folder:{tmp_path / 'photos'}", size=16), model="logistic", epochs=1, k_max=4)
    assert panel.session.status == "done", panel.session.problem
    files = panel.session.result.data.files
    want = [files[i] for i in panel.session.result.pool.ids[panel.selection.indices].tolist()]
    assert write(panel.session, "txt", tmp_path / "out").read_text().splitlines() == want
    copied = write(panel.session, "copy", tmp_path / "out")
    found = sorted(copied.rglob("*.png"), key=lambda p: p.name)
    assert [p.read_bytes() for p in found] == [Path(p).read_bytes() for p in want]
    assert {p.parent.name for p in found} <= {"ant", "bee"}


def test_export_before_a_result_says_so(tmp_path):
    with pytest.raises(ValueError, match="press Select first"):
        write(panel_of(run=False).session, "npz", tmp_path)


# -- a budget that is typed -------------------------------------------------------------------------------------------


def typed(panel):
    return next(one for one in widgets_in(panel) if "cx-typed" in getattr(one, "_dom_classes", ()))


@pytest.mark.parametrize(
    "words, k", [("13", 13), ("25 %", 15), ("0.05", None), ("1", 1), ("20", 20), (" 1 7 ", 17)]
)
def test_any_budget_may_be_typed_and_is_answered_exactly(words, k):
    panel = panel_of(methods=["kcenter", "kmeans"])
    session, field = panel.session, typed(panel)
    assert field.value == "20" and field.disabled is False
    field.value = words
    assert panel.control.main.wait(30)
    if k is None:
        assert "a whole number from 1" in texts(panel) and session.budget == 20
        return
    assert session.budget == len(panel.selection) == k and field.value == str(k)
    assert list(session.result.budgets) == sorted({*session.result.budgets, k}) and not session.stale
    asked = cx.select("kcenter", session.result.pool, k, seed=session.seed, show=False)
    assert torch.equal(panel.selection.indices, asked.indices)
    assert torch.equal(panel.selection.weights, cx.reweigh(session.result.pool, asked).weights)
    session.active = session.choices[1].name  # not nested: selected anew
    alone = cx.select("kmeans", session.result.pool, k, seed=session.seed, show=False)
    assert torch.equal(panel.selection.indices, alone.indices)
    assert f"[:{k}]" in panel.code or k == 20


def test_a_budget_beyond_what_was_computed_says_where_to_ask_for_it():
    panel = panel_of()
    typed(panel).value = "33"
    assert "up to 20 points are computed: for 33 write that under Up to" in texts(panel)
    assert panel.session.budget == 20
    typed(panel).value = ""
    assert typed(panel).value == "20" and "are computed" not in texts(panel)


# -- export: every method in one table --------------------------------------------------------------------------------


def test_all_methods_go_into_one_table_with_what_is_known_of_each_row(tmp_path):
    pool = cx.signals(cx.load(X, y=["a,b" if i % 2 else "c" for i in range(60)]), epochs=1, show=False)
    panel = panel_of(pool, methods=["kcenter", "entropy", "Random"])
    panel.session.j = 2

    path = write(panel.session, "all", tmp_path)
    table = pandas.read_csv(path)
    k = panel.session.budget
    assert list(table["method"].unique()) == [choice.name for choice in panel.session.choices]
    assert len(table) == 3 * k and list(table["rank"][:k]) == list(range(1, k + 1))
    mine = table[table.method == panel.session.active]
    assert mine["id"].tolist() == panel.selection.ids.tolist()
    rows = panel.selection.indices
    assert mine["class"].tolist() == [pool.classes[i] for i in pool.y[rows]]
    assert mine["predicted"].tolist() == [pool.classes[i] for i in pool.logits[rows].argmax(1)]
    assert mine["probability"].to_numpy() == pytest.approx(
        pool.logits[rows].softmax(1).amax(1).numpy(), abs=1e-4
    )
    scored = table[table.method == panel.session.choices[1].name]
    assert scored["score"].notna().all() and table[table.method == "Random"]["score"].isna().all()
    one = pandas.read_csv(write(panel.session, "csv", tmp_path))
    assert {"rank", "id", "class", "predicted", "probability", "weight"} <= set(one.columns) and len(one) == k


def test_only_what_can_be_written_is_offered_and_it_says_whose_picks(tmp_path):
    panel = panel_of()
    assert offered(panel.session) == ["npz", "parquet", "csv", "all", "png"]
    assert whose(panel.session, "all") == "k-center, Random, over all classes: 20 picks each"
    assert whose(panel.session, "npz") == "k-center, 20 picks"
    assert whose(panel_of(run=False, wait=False).session, "npz") == "Nothing is selected yet."
    panel.session.active = "Random, over all classes"
    assert write(panel.session, "npz", tmp_path).name.endswith("_20.npz")


# -- methods: within classes or not, found by words; changes undone ---------------------------------------------------


def test_a_method_is_put_within_classes_and_out_again():
    panel = panel_of((X, np.arange(60) % 3), methods=["k-center", "CRAIG"], epochs=1)
    session = panel.session
    for name, before in (("k-center", []), ("CRAIG", ["per_class"])):
        row = next(b for b in widgets_in(panel) if getattr(b, "tooltip", "") == f"Settings of {name}")
        row.click()
        box = [b for b in widgets_in(panel) if getattr(b, "description", "") == "Within each class"][-1]
        box = next(
            b
            for b in widgets_in(panel)
            if getattr(b, "description", "") == "Within each class" and b.value == bool(before)
        )

        def wrap(name=name):
            return [n for n, _ in next(c for c in session.choices if c.name == name).wrap]

        assert wrap() == before
        box.value = not box.value
        assert wrap() == ([] if before else ["per_class"]) and session.stale
        box.value = not box.value
        assert wrap() == before and not session.stale
        row.click()
        box.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("pleiss", {"AUM"}),
        ("HERDING", {"Herding", "MaxHerding"}),
        ("mini-batches gradients", {"GRAD-MATCHPB"}),
        ("xyzzy", set()),
    ],
)
def test_methods_are_found_by_words_about_them(words, found):
    panel = panel_of()
    button(panel, "+ Add a method").click()
    [search] = [one for one in widgets_in(panel) if "an author" in (getattr(one, "placeholder", "") or "")]
    search.value = words
    [method] = [
        one
        for one in widgets_in(panel)
        if isinstance(one, ipywidgets.Dropdown)
        and (set(one.options) >= found)
        and not (set(one.options) - set(presets()))
    ][:1]
    assert found <= set(method.options) and len(method.options) < 8
    add_ = button(panel, "Add")
    assert add_.disabled is (not found)
    if not found:
        assert "No method is described by these words." in texts(panel)
        return
    add_.click()
    assert panel.session.choices[-1].name in method.options or panel.session.choices[-1].name in presets()
    assert search.value == ""


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("facility", "Facility Location"),
        ("kcentre", "k-center"),
        ("k center", "k-center"),
        ("K-Centre", "k-center"),
        ("match grad", "GRAD-MATCH"),
        ("pleiss", "AUM"),
    ],
)
def test_methods_whose_name_matches_come_first_however_it_is_spelt(words, first):
    assert matching(words, presets().values())[0].name == first


def test_changes_are_undone_to_the_settings_shown():
    panel = panel_of((X, np.arange(60) % 3), methods=["k-center", "CRAIG"], epochs=1, seed=4)
    session = panel.session
    [undo] = [one for one in widgets_in(panel) if getattr(one, "description", "") == "Undo changes"]
    assert "cx-hidden" in undo._dom_classes
    key = session.key
    session.seed, session.k_max, session.epochs, session.model = 9, 10, 2, "mlp"
    session.gradients, session.data_name, session.choices = "each", "digits", session.choices[:1]
    assert session.stale and "cx-hidden" not in undo._dom_classes
    undo.click()
    assert session.key == key and not session.stale and "cx-hidden" in undo._dom_classes


def test_a_typed_budget_stays_and_is_judged_when_methods_are_added():
    panel = panel_of(X, y=np.arange(len(X)) % 2)
    session = panel.session
    wanted = next(k for k in range(session.result.budgets[-2] + 1, session.result.budgets[-1]))
    session.asked = {"budget": wanted}
    assert panel.control.main.wait(30) and session.budget == wanted
    kept = session.result.runs
    session.choices = (*session.choices, Strategy.of("herding"))
    panel.run(wait=True)
    assert session.budget == wanted and wanted in session.result.budgets
    assert all(session.result.runs[name].selection is run.selection for name, run in kept.items()), (
        "not run again"
    )
    *_, judged = judging.accuracies(session.result, wanted)
    assert wanted in set(judged.random.accuracy["budget"])


def test_code_says_what_has_to_be_there_before_it_is_used():
    lines = panel_of(X, y=np.arange(len(X)) % 2).code.splitlines()
    said = next(i for i, line in enumerate(lines) if "what you gave to explore" in line)
    assert said < next(i for i, line in enumerate(lines) if "cx.load(X" in line)
