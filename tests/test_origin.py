"""A selection belongs to the rows it was made of: what uses it on others refuses or says so, and never on its own."""

import dataclasses
import warnings

import pytest
import torch

import coreset_explore as cx
from coreset_explore import Dense, Pool, Selection
from coreset_explore.inputs.origin import partition
from coreset_explore.measures import (
    class_balance,
    coverage,
    coverage_path,
    facility_location,
    gradient_error,
    objective,
    prefixes,
    represent,
)
from tests.pools import make

POOL = make(60)
CHOSEN = cx.select("craig", POOL, 12, wrap=["per_class"], show=False)
USES = {
    "gradient_error": gradient_error,
    "coverage": coverage,
    "coverage_path": lambda pool, s: coverage_path(pool, s, [3, 6]),
    "facility_location": facility_location,
    "class_balance": class_balance,
    "objective": objective,
    "represent": represent,
    "prefixes": lambda pool, s: prefixes(pool, s, [3, 6]),
    "reweigh": cx.reweigh,
    "a cut one": lambda pool, s: cx.reweigh(pool, s[:5]),
    "given": lambda pool, s: cx.select("kcenter", pool, 3, given=s, show=False),
    "a strategy of its own": lambda pool, s: cx.Strategy.of(s).select(pool, 6),
}


def other_rows(n: int = 60) -> Pool:
    """As many rows with the same ids and the same fields, of which none is one of POOL's."""
    rng = torch.Generator().manual_seed(5)
    fields = {
        "grads": Dense(torch.randn(n, 8, generator=rng)),
        "ids": torch.cat([POOL.ids, torch.arange(n - 60) + 10_000]),
    }
    return Pool.of(torch.randn(n, 5, generator=rng), torch.randint(0, 3, (n,), generator=rng), **fields)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_on_its_own_pool_nothing_is_said(use, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use(POOL, CHOSEN)
        use(POOL, Selection.load(CHOSEN.save(tmp_path / "kept.npz")))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_other_rows_of_the_same_number_are_asked_about(use):
    with pytest.warns(UserWarning, match=r"hardly belongs to this pool.*emb, grads.*selected from") as told:
        use(other_rows(), CHOSEN)
    assert {one.filename for one in told} == {__file__}, "it points at the line that went wrong"


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_rows_with_other_ids_are_refused(use):
    turned = POOL[torch.arange(59, -1, -1)]
    with pytest.raises(ValueError, match=r"has id \d+, and id \d+ was picked; give the pool"):
        use(turned, CHOSEN)


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_another_number_of_rows_is_asked_about(use):
    with pytest.warns(UserWarning, match="picked from 60 rows, and these are 90"):
        use(other_rows(90), CHOSEN)


@pytest.mark.parametrize(
    "change",
    {
        "another model's gradients": lambda p: p.add(grads=Dense(torch.ones(60, 3))),
        "other features": lambda p: p.add(emb=torch.ones(60, 2)),
        "a field more": lambda p: p.add(age=torch.arange(60)),
        "fewer fields": lambda p: p.only("y", "grads", "emb"),
        "classes by other numbers": lambda p: Pool(
            {**p.fields, "y": torch.tensor([7, 3, 5])[p.y], "emb": p.emb + 1}, p.target.classes
        ),
    }.values(),
)
def test_the_same_rows_with_other_fields_are_the_same_rows(change):
    changed = change(POOL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for use in (gradient_error, coverage, class_balance):
            use(changed, CHOSEN)


def test_rows_of_ones_own_have_nothing_to_compare():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for use in (
            use for name, use in USES.items() if name != "objective"
        ):  # no method says what it is judged by
            use(other_rows(), Selection.of([4, 1, 7, 9, 20, 31, 40], name="mine"))


def test_labels_part_rows_whatever_the_classes_are_called():
    y = torch.tensor([2, 0, 2, 1, 0])
    assert (
        partition(y) == partition(torch.tensor([0, 5, 0, 9, 5])) != partition(torch.tensor([0, 0, 2, 1, 0]))
    )
    assert partition(y[:0]) == partition(torch.empty(0, dtype=torch.int64))


# -- fit has data where measures have a pool ---------------------------------------------------------------------------


def data(n=40, turn=0):
    y = ["ab"[(i + i // 7 + turn * i // 3) % 2] for i in range(n)]
    return cx.load(torch.randn(n, 4, generator=torch.Generator().manual_seed(turn)), y=y)


@pytest.mark.parametrize("how", ["recorded", "of arrays", "held out"])
def test_fit_says_nothing_on_the_data_that_was_selected_from(how):
    given = data()
    if how == "of arrays":
        pool = Pool.of(given.x, given.y)
    else:
        holdout = 0.25 if how == "held out" else 0.0
        pool = cx.signals(given, model="logistic", epochs=1, holdout=holdout, show=False)
    chosen = cx.select("kcenter", pool, 10, show=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cx.fit("logistic", given, chosen, epochs=1, show=False)
        cx.fit("logistic", given, chosen[:5], epochs=1, show=False)
        named = dataclasses.replace(given, classes=("z", "a"), y=1 - given.y)  # other numbers, the same rows
        cx.fit("logistic", named, chosen, epochs=1, show=False)


@pytest.mark.parametrize(
    "other, sentence",
    [(data(40, turn=1), "labels part the rows otherwise"), (data(39), "40 rows, and these are 39")],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_fit_on_other_data_says_so(other, sentence, recorded):
    given = data()
    pool = Pool.of(given.x, given.y)
    if recorded:
        pool = cx.signals(given, model="logistic", epochs=1, show=False)
    chosen = cx.select("kcenter", pool, 6, given=[39], show=False)
    with pytest.warns(UserWarning, match=f"hardly belongs to .*{sentence}"):
        cx.fit("logistic", other, chosen, epochs=1, show=False)
