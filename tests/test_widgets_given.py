"""What people hand to explore(): data that lacks this or that, a model of their own, shares, masks, rows by name."""

import asyncio
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torch import nn

import coreset_explore as cx
from coreset_explore import progress
from coreset_explore.gradients import LastLayer
from coreset_explore.registry import METHODS, selector
from tests.tree import texts, widgets_in
from widgets import explore, train
from widgets.explorer import arguments
from widgets.explorer.arguments import preset
from widgets.explorer.chosen import add, lack
from widgets.explorer.replay import variable
from widgets.explorer.session import yours
from widgets.kit.pictures import Pictures

rng = np.random.default_rng(3)
X = rng.normal(size=(60, 8)).astype("float32")
Y = np.arange(60) % 3
PIXELS = rng.integers(0, 255, (60, 1, 12, 12), dtype=np.uint8)
NAMES = [f"row {i}" for i in range(60)]
FRAME = pandas.DataFrame(X[:, :4], columns=list("abcd"), index=NAMES)
BY_DISTANCE, BY_LIKENESS = ["k-center", "Random"], ["Facility Location", "Random"]
NO_LABELS, ONE_CLASS = "without labels it compares all pairs", "of one class it compares all pairs"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORESET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


class Bare(torch.utils.data.Dataset):
    """Items without labels."""

    def __len__(self):
        return 60

    def __getitem__(self, i):
        return torch.as_tensor(X[i])


class Unlabelled(Bare):
    """Items of which nobody knows the label."""

    def __getitem__(self, i):
        return Image.fromarray(PIXELS[i, 0]), None


class Net(nn.Module):
    """A module of one's own."""

    def __init__(self, wide=8, classes=3):
        super().__init__()
        self.inside, self.head = nn.Linear(wide, 5), nn.Linear(5, classes)

    def forward(self, x):
        return self.head(self.inside(x.flatten(1)).relu())


@pytest.fixture
def net():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net()


def of_folder(root):
    (root / "only").mkdir()
    for i in range(30):
        Image.fromarray(PIXELS[i, 0]).save(root / "only" / f"{i}.png")
    return f"folder:{root}"


def shown(*args, **given):
    panel = explore(*args, **{"epochs": 1, **given}).run(wait=True)
    assert panel.session.status == "done" and panel.session.problem is None, panel.session.problem
    return panel


def names(panel) -> list[str]:
    return [choice.name for choice in panel.session.choices]


# -- methods by what the data can answer ------------------------------------------------------------------------------

LACKING = {
    "features": (X, NO_LABELS),
    "pictures": (PIXELS, NO_LABELS),
    "a pool": (cx.Pool.of(X), NO_LABELS),
    "a frame without y": (FRAME, NO_LABELS),
    "a pair with None": ((X, None), NO_LABELS),
    "a Data": (cx.load(PIXELS), NO_LABELS),
    "items without labels": (Bare(), NO_LABELS),
    "pictures nobody labelled": (Unlabelled(), NO_LABELS),
    "a subset of them": (torch.utils.data.Subset(Unlabelled(), range(5, 50)), NO_LABELS),
    "a list of pictures": ([Image.fromarray(p[0]) for p in PIXELS[:30]], NO_LABELS),
    "one class": ((X, ["a"] * 60), ONE_CLASS),
    "one class of several names": (cx.Pool.of(X, [1] * 60, classes=["a", "b"]), ONE_CLASS),
    "one class of pictures": ((PIXELS, np.zeros(60, int)), ONE_CLASS),
}


@pytest.mark.parametrize("data, why", LACKING.values(), ids=LACKING)
def test_methods_nobody_named_are_chosen_by_what_the_data_can_answer(data, why, monkeypatch):
    panel = shown(data)
    assert names(panel) == BY_LIKENESS == list(panel.selections) and not panel.session.result.why
    assert not panel.session.choices[0].wrap, "over all rows"
    again = explore(data, config=json.loads(json.dumps(panel.config)), epochs=1).run(wait=True)
    assert torch.equal(again.selection.indices, panel.selection.indices)
    monkeypatch.setattr(arguments, "WHOLE", 20)
    panel = shown(data)
    assert names(panel) == BY_DISTANCE == list(panel.selections)
    assert not panel.session.stale and panel.session.active == "k-center"
    said = panel.session.result.why
    assert said.startswith("Facility Location is not among them: ") and why in said and said in texts(panel)
    again = explore(data, config=json.loads(json.dumps(panel.config)), epochs=1).run(wait=True)
    assert names(again) == BY_DISTANCE
    assert torch.equal(again.selection.indices, panel.selection.indices)


def test_a_folder_of_one_class_is_answered_once_it_is_loaded(tmp_path):
    panel = shown(of_folder(tmp_path), size=16)
    assert names(panel) == BY_LIKENESS and not panel.session.choices[0].wrap


def test_a_pool_of_outputs_alone_is_asked_what_they_say():
    panel = shown(cx.Pool.of(logits=torch.tensor(X[:, :3])))
    assert names(panel) == ["Entropy", "Random"]


def test_a_pool_of_gradients_alone_is_covered_by_them():
    grads = LastLayer(torch.tensor(X[None, :, :3]), torch.tensor(X[None]))
    assert names(shown(cx.Pool.of(grads=grads))) == BY_LIKENESS


def test_labels_and_features_have_facility_location_and_no_note():
    panel = shown(X, Y)
    assert names(panel) == BY_LIKENESS and not panel.session.result.why
    assert "is not among them" not in texts(panel)


def test_methods_that_were_named_are_asked_and_say_what_is_missing():
    for given in ({"methods": BY_LIKENESS}, {"methods": "CRAIG"}):
        panel = explore(X, run=False, **given)
        with pytest.raises(ValueError, match="needs 'y'"):
            panel.run(wait=True)
        first = "CRAIG" if given["methods"] == "CRAIG" else BY_LIKENESS[0]
        assert names(panel)[0] == first and first in panel.session.problem.sentence


def test_what_needs_labels_is_said_to_be_the_switch_where_that_needs_them():
    panel = shown(X)
    add(panel.session, preset("Facility Location"))
    assert "“Within each class” needs labels, and this data has none: untick it under ⚙." in texts(panel)
    panel.run(wait=True)
    said = str(panel.session.result.failed["Facility Location (2)"])
    assert said.startswith("per_class (\"Within each class\" under the panel's ⚙) needs 'y'")
    assert said.endswith("pass labels: Pool.of(X, y), or leave it out")
    panel.session.choices = (*panel.session.choices[:2], replace(panel.session.choices[2], wrap=()))
    assert not lack(panel.session, panel.session.choices[2])


def test_a_method_added_to_the_defaults_is_asked_too():
    panel = explore(X, run=False)
    add(panel.session, preset("GraNd"))
    with pytest.raises(ValueError, match="needs"):
        panel.run(wait=True)
    assert names(panel)[:2] == BY_LIKENESS


def test_other_data_decides_anew_and_one_s_own_selection_stays():
    panel = shown(X, selections={"k-center": [3, 1]})
    assert names(panel) == ["Facility Location", "Random", "k-center"]
    panel.session.data_name = "digits"
    panel.run(wait=True)
    assert names(panel) == [*BY_LIKENESS, "k-center"]
    panel.session.data_name = panel.session.given_name
    panel.run(wait=True)
    assert names(panel) == ["Facility Location", "Random", "k-center"]


# -- a model of one's own ---------------------------------------------------------------------------------------------


def test_a_module_records_the_signals_and_the_code_says_so(net):
    panel = shown(X, Y, model=net, epochs=1)
    wanted = cx.signals((X, Y), model=net, epochs=1, show=False)
    assert torch.equal(panel.session.result.pool.grads.r, wanted.grads.r)
    assert names(panel) == BY_LIKENESS and panel.session.model == yours(net) == "Net (yours)"
    assert "model: the Net you gave to explore" in panel.code and "model=model, epochs=1" in panel.code
    found = {"X": X, "y": Y, "model": net}
    exec(panel.code, found)
    assert torch.equal(found["facility_location"].indices, panel.selection.indices)


def test_a_module_is_recorded_as_it_is_without_epochs_and_without_labels(net):
    net.eval()
    inside = net.inside(torch.tensor(X)).relu().detach()
    for given in ({"y": Y, "epochs": 0}, {"epochs": 5}, {"y": [0] * 60}):
        panel = shown(X, model=net, **given)
        assert torch.allclose(panel.session.result.pool.emb, inside, atol=1e-6)
        found = {"X": X, "y": given.get("y"), "model": net}
        exec(panel.code, found)
        for name in names(panel):
            key = variable(name)
            assert torch.equal(found[key].indices, panel.selections[name].indices)


def test_a_module_sees_pictures():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        panel = shown(PIXELS, Y, model=Net(144), epochs=1)
    assert panel.session.result.pool.emb.shape == (60, 5)


def test_a_config_names_a_module_and_asks_for_it_again(net):
    settings = json.loads(json.dumps(shown(X, Y, model=net).config))
    with pytest.raises(ValueError, match="a model of your own; pass it too"):
        explore(X, Y, config=settings, run=False)
    assert explore(X, Y, model=net, config=settings, run=False).config["model"] == settings["model"]


def test_a_module_that_was_trained_on_makes_the_result_stale(net):
    panel = shown(X, Y, model=net, epochs=0)
    before = panel.session.result.pool
    assert not panel.session.stale
    with torch.no_grad():
        net.head.weight.mul_(2)
    assert panel.session.stale
    panel.run(wait=True)
    assert not torch.equal(before.logits, panel.session.result.pool.logits)


def test_a_modules_selections_train_the_module(net):
    panel = shown((X, Y), model=net, test=0.2)
    panel.session.asked = {"train": {"budgets": (6,), "epochs": 1}}
    assert panel.control.main.wait(60)
    assert set(panel.session.trained["model"]) == {"Net"}


# -- the right end as a share -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "k_max, last",
    [
        (0.1, 6),
        (1.0, 60),
        (np.float32(0.5), 30),
        (np.int64(7), 7),
        (torch.tensor(0.25), 15),
        (0, 3),
        (None, 3),
    ],
)
def test_the_right_end_is_a_count_or_a_share(k_max, last):
    panel = shown(X, k_max=k_max)
    assert panel.session.result.budgets[-1] == last and not panel.session.stale
    again = explore(X, config=json.loads(json.dumps(panel.config))).run(wait=True)
    assert again.session.result.budgets == panel.session.result.budgets
    assert f"pool, {last}, " in panel.code


# -- selections of one's own ------------------------------------------------------------------------------------------

MASK = np.arange(60) % 20 == 3
MINE = {
    "a Selection": cx.Selection.of([3, 23, 43], name="mine"),
    "a mask": MASK,
    "a mask in torch": torch.tensor(MASK),
    "a mask in a list": MASK.tolist(),
    "a pandas mask": pandas.Series(MASK),
    "a nullable pandas mask": pandas.Series(MASK, dtype="boolean"),
    "row numbers": [3, 23, 43],
    "row numbers in numpy": np.array([3, 23, 43]),
    "a range": range(3, 60, 20),
    "a list of one": [MASK],
    "a dictionary": {"mine": MASK},
    "a list of rows": [[3, 23, 43]],
}


@pytest.mark.parametrize("given", MINE.values(), ids=MINE)
def test_selections_are_one_or_several_in_whatever_form(given):
    panel = shown(X, selections=given)
    assert len(names(panel)) == 3
    assert panel.session.choices[-1].own.indices.tolist() == [3, 23, 43]


def test_a_selection_longer_than_the_sliders_end_says_how_much_of_it_is_looked_at():
    panel = shown(X, selections={"mine": list(range(40)), "few": [5, 2]}, k_max=10)
    said = "Only its first 10 of 40 picks are looked at: for all of them write 40 under Up to"
    assert texts(panel).count(said) == 1, "of the one that is cut"
    panel.session.active = "mine"
    assert "10 of 60 points that come first of the 40 in mine; shown in" in texts(panel)
    panel.session.active = "few"
    assert "2 of 60 points in few; shown in" in texts(panel)
    panel.session.k_max = 40
    panel.run(wait=True)
    panel.session.j = len(panel.session.result.budgets) - 1
    assert "Only its first" not in texts(panel) and len(panel.selections["mine"]) == 40
    panel.session.active = "mine"
    assert "40 of 60 points in mine; shown in" in texts(panel)


def test_a_mask_goes_to_the_rows_that_its_index_names():
    mask = pandas.Series(MASK, index=NAMES).sample(frac=1, random_state=0)
    assert shown(FRAME, selections=mask).session.choices[-1].own.indices.tolist() == [3, 23, 43]
    with pytest.raises(ValueError, match="selection 1 has 60 rows called other 0"):
        explore(FRAME, selections=mask.set_axis([f"other {i}" for i in range(60)]), run=False)


def test_a_mask_of_other_rows_is_refused():
    for given in ({"selections": MASK[:50]}, {"selections": {"a": MASK}, "y": Y, "test": 0.2}):
        with pytest.raises(ValueError, match=r"mask of (50|60) rows and (60|48) are chosen from"):
            explore(X, run=False, **given).run(wait=True)


# -- pictures and points by the names of rows -------------------------------------------------------------------------


def painted(root, order) -> pandas.Series:
    """Paths by the rows' names, in this order; picture i is as bright as i."""
    for i in range(60):
        Image.new("RGB", (9, 9), (i, i, i)).save(root / f"{i}.png")
    return pandas.Series([str(root / f"{i}.png") for i in order], index=[NAMES[i] for i in order])


def brightness(panel) -> list[int]:
    result = panel.session.result
    return [int(result.data.thumbnail(int(row))[0, 0, 0]) for row in result.rows]


def test_pictures_go_to_the_rows_that_their_index_names(tmp_path):
    paths = painted(tmp_path, range(59, -1, -1))
    assert brightness(shown(FRAME, images=paths)) == list(range(60))
    pool = cx.Pool.of(FRAME)
    assert brightness(shown(pool, images=paths)) == list(range(60))
    assert brightness(shown(pool[10:30], images=paths.sort_index())) == list(range(10, 30))
    held = shown(FRAME, Y, images=paths, test=0.25)
    assert brightness(held) == held.session.result.data.truth["row"].tolist()


def test_pictures_of_other_rows_are_refused_and_without_names_they_go_by_place(tmp_path):
    paths = painted(tmp_path, range(60))
    with pytest.raises(ValueError, match="images has 60 rows called x0"):
        explore(FRAME, images=paths.set_axis([f"x{i}" for i in range(60)]), run=False).run(wait=True)
    assert brightness(shown(X, images=paths)) == list(range(60))  # an array's rows have no names
    held = shown(X, Y, images=paths.tolist(), test=0.25)
    assert brightness(held) == held.session.result.data.truth["row"].tolist()
    with pytest.raises(ValueError, match=r"59 pictures for 45 rows; .* or 60 with those held out"):
        explore(X, Y, images=paths.tolist()[:59], test=0.25, run=False).run(wait=True)


def test_one_s_own_map_goes_to_the_rows_that_it_is_of():
    points = np.stack([np.arange(60), np.zeros(60)], 1)
    frame = pandas.DataFrame(points, index=NAMES).iloc[::-1]
    for args, given in (((X,), points), ((FRAME,), frame), ((cx.Pool.of(X),), points)):
        panel = shown(*args, coords=given)
        assert panel.session.maps["Yours"].xy[:, 0].tolist() == list(range(60))
    held = shown(X, Y, coords=points, test=0.25)
    assert held.session.maps["Yours"].xy[:, 0].tolist() == held.session.result.data.truth["row"].tolist()


def test_a_part_of_a_pool_is_shown_with_its_own_values():
    panel = shown(cx.Pool.of(X)[30:])
    pictures = Pictures.of(panel.session.result)
    assert pictures.name(0) == "row 30" and pictures.values(0)[0][1] == f"{X[30, 0]:.4g}"


# -- run(wait=True) ---------------------------------------------------------------------------------------------------


@pytest.fixture
def counting():
    """A method of one's own that counts how often it was asked."""
    asked = []

    @selector(needs="emb", title="Counting", draws=False)
    def counting_for_panel(pool, k, *, rng, given=(), fail: bool = False) -> cx.Selection:
        """Counts."""
        asked.append(k)
        for _ in progress.track(range(5), "step"):
            if fail:
                raise ValueError("it fails; let it")
        return cx.Selection(torch.arange(k), torch.ones(k))

    yield asked
    METHODS._found.pop("counting_for_panel")


def on_a_loop(story):
    async def main():
        return story()

    return asyncio.run(main())


@pytest.mark.parametrize("around", [on_a_loop, lambda story: story()], ids=["in a notebook", "in a script"])
def test_to_wait_right_after_explore_waits_for_the_run_that_goes_on(counting, around):
    def story():
        panel = explore(X, methods=["counting_for_panel"], k_max=10)
        assert panel.run(wait=True) is panel
        return panel.session.status, len(panel.selection), len(counting)

    assert around(story) == ("done", 10, 1)


@pytest.mark.parametrize("around", [on_a_loop, lambda story: story()], ids=["in a notebook", "in a script"])
def test_other_settings_than_those_of_the_run_that_goes_on_are_run_after_it(counting, around):
    def story():
        panel = explore(X, methods=["counting_for_panel"], k_max=10)
        panel.session.k_max = 20
        panel.run(wait=True)
        return panel.session.stale, panel.session.result.budgets[-1]

    assert around(story) == (False, 20)


@pytest.mark.parametrize("around", [on_a_loop, lambda story: story()], ids=["in a notebook", "in a script"])
def test_what_the_run_that_goes_on_fails_with_is_raised(counting, around):
    def story():
        panel = explore(X, methods=[{"method": "counting_for_panel", "params": {"fail": True}}], k_max=10)
        with pytest.raises(ValueError, match="it fails"):
            panel.run(wait=True)
        return panel.session.status, len(counting) <= 2

    assert around(story) == ("error", True)


# -- mistakes ---------------------------------------------------------------------------------------------------------

WRONG = {
    "a model's class": ({"model": Net}, r"torch\.nn\.Module .* not .*Net.*; make one, Net\(\)"),
    "a misspelt model": ({"model": "LeNett"}, "not 'LeNett'; did you mean 'lenet'"),
    "a number as model": ({"model": 3}, "not 3"),
    "a share above one": ({"k_max": 1.5}, "a share above 0 and up to 1, got 1.5"),
    "a negative right end": ({"k_max": -1}, "at least 1 row"),
    "a text as right end": ({"k_max": "5 %"}, r"a count \(600\) or a share of the pool \(0.05\), got '5 %'"),
    "True as right end": ({"k_max": True}, "got True"),
    "a method's name as selection": ({"selections": "CRAIG"}, "'CRAIG' is a text; what selects goes to methods="),
    "one row alone": ({"selections": 5}, "not 5 alone"),
    "rows that are no numbers": ({"selections": [[1, 2], ["a"]]}, "selection 2 is a list of row numbers"),
    "a table of numbers": ({"selections": np.ones((3, 3))}, "whole numbers in one dimension"),
    "missing values in a mask": ({"selections": np.ma.masked_equal(np.arange(5), 3)}, "masked values"),
    "a number as methods": ({"methods": 7}, "methods is a list of names"),
}  # fmt: skip


@pytest.mark.parametrize("given, says", WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_sentence_at_once(given, says):
    with pytest.raises(ValueError, match=says) as caught:
        explore(X, Y, run=False, **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call", [partial(explore, methods="CRAG"), partial(train, "digits", regimes=["CRAG"])]
)
def test_a_mistake_shows_the_line_that_made_it_and_no_more_than_the_call(call):
    with pytest.raises(ValueError, match="did you mean 'CRAIG") as caught:
        call(run=False)
    assert len(caught.traceback) == 2 and caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_model_for_a_pool_is_refused(net):
    with pytest.raises(ValueError, match="leave model= out"):
        explore(cx.Pool.of(X, Y), model=net, run=False)


# -- gradients at other models -----------------------------------------------------------------------------------------


def offered(panel, title):
    """The button that records gradients at these models."""
    return next(
        one for one in widgets_in(panel) if getattr(one, "tooltip", "") == f"Record gradients {title}"
    )


def test_a_method_made_for_fresh_initialisations_offers_them_in_one_click():
    panel = explore(X, Y, methods=["GMC", "GradSimCore", "Random"], epochs=1, k_max=10)
    assert panel.control.main.wait(60)
    session = panel.session
    assert len(session.result.pool.grads.steps) == 1
    assert "these are of the trained model alone" in texts(panel)
    offered(panel, "at 4 fresh initialisations").click()
    assert session.gradients == "inits" and session.stale
    panel.run(wait=True)
    assert len(session.result.pool.grads.steps) == 4 and session.result.runs["GMC"].selection.remarks == ()
    assert "inits=4" in panel.code and panel.config["gradients"] == "inits"
    assert "of the trained model alone" not in texts(panel)


def test_what_is_made_for_epochs_offers_epochs():
    panel = explore(X, Y, methods=["GradSimCore"], epochs=2, k_max=10)
    assert panel.control.main.wait(60)
    offered(panel, "at every epoch").click()
    panel.run(wait=True)
    assert len(panel.session.result.pool.grads.steps) == 2 and 'checkpoints="each"' in panel.code


def test_a_pool_that_was_given_is_recorded_by_nobody_here():
    pool = cx.signals(X, Y, model="logistic", epochs=1, show=False)
    panel = explore(pool, methods=["GMC"], k_max=10)
    assert panel.control.main.wait(60)
    assert "GMC matches those of fresh" in texts(panel) and "of the trained model alone" not in texts(panel)


def test_a_selection_of_other_rows_is_doubted_beside_its_numbers():
    other = cx.select("kcenter", X[:, ::-1].copy() + 1, 8, show=False)
    panel = explore(X, Y, methods=["kcenter"], selections={"mine": other}, k_max=10, epochs=1)
    assert panel.control.main.wait(60)
    panel.session.active = "mine"
    assert "Of other rows? It was picked from other rows, or all that is known" in texts(panel)
    panel.session.active = panel.session.choices[0].name
    assert "Of other rows?" not in texts(panel)
