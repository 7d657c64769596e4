"""Allocation, combinators and the weights they state: composition exactly."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coreset_explore import (
    METHODS,
    Dense,
    Pool,
    Selection,
    per_batch,
    per_class,
    reweigh,
    select,
)
from coreset_explore.greedy import nearest_pick
from coreset_explore.selecting.combinators import merge_reduce, two_stage
from coreset_explore.selecting.parts import allocate, split
from coreset_explore.selecting.views import batch_groups, class_groups
from tests.pools import first_k, make, rng

POOL = make(60)
PER_CLASS = [("per_class", {})]
FEW = settings(max_examples=60, deadline=None, database=None)
SIZES = st.lists(st.integers(0, 20), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 0)


# -- allocation -------------------------------------------------------------------------------------------------------


def test_equal_quotients_are_equal_numbers():
    """9/15 = 3/5: the first group is next, whatever floating point makes of it."""
    assert allocate([9, 3], 12).tolist() == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]


@FEW
@given(SIZES, st.booleans(), st.data())
def test_allocation_is_sainte_lague(sizes, equal, data):
    """House-monotone (so nested), never above a group's size, and the next pick always has the largest quotient."""
    k = data.draw(st.integers(0, sum(sizes)))
    sequence = allocate(sizes, sum(sizes), equal).tolist()
    assert allocate(sizes, k, equal).tolist() == sequence[:k]
    assert [sequence.count(g) for g in range(len(sizes))] == sizes
    given = [0] * len(sizes)
    for group in sequence:
        quotient = [
            (1 if equal else n) / (2 * a + 1) if a < n else -1 for n, a in zip(sizes, given, strict=True)
        ]
        assert group == quotient.index(max(quotient)), "ties go to the first group"
        given[group] += 1


@FEW
@given(SIZES, st.data())
def test_allocation_gives_no_group_more_than_it_has_free(sizes, data):
    free = [data.draw(st.integers(0, size)) for size in sizes]
    sequence = allocate(sizes, sum(free), free=free)
    assert torch.bincount(sequence, minlength=len(sizes)).tolist() == free
    with pytest.raises(ValueError, match="cannot allocate"):
        allocate(sizes, sum(free) + 1, free=free)


# -- combinators ------------------------------------------------------------------------------------------------------


def test_per_class_gives_each_class_its_share_in_the_order_of_allocation():
    answer = per_class(first_k)(POOL, 10, rng=rng())
    classes = POOL.by_class()
    order = allocate([len(rows) for rows in classes.values()], 10).tolist()
    assert POOL.y[answer.indices].tolist() == [list(classes)[g] for g in order]
    for label, rows in classes.items():
        mine = [i for i in answer.indices.tolist() if int(POOL.y[i]) == label]
        assert mine == rows[: len(mine)].tolist()
    assert float(answer.weights.sum()) == pytest.approx(60)


def test_per_class_equal_shares_on_skewed_classes():
    skewed = POOL[torch.cat([POOL.by_class()[0], POOL.by_class()[1][:3], POOL.by_class()[2][:5]])]
    for rule, wanted in (("equal", [3, 3, 3]), ("proportional", [6, 1, 2])):
        answer = per_class(first_k, rule=rule)(skewed, 9, rng=rng())
        assert skewed.y[answer.indices].bincount().tolist() == wanted
    everything = per_class(first_k, rule="equal")(skewed, len(skewed), rng=rng())
    assert sorted(everything.indices.tolist()) == list(range(len(skewed)))


def test_given_rows_reach_their_own_class_and_take_no_budget_away():
    given = POOL.by_class()[1].tolist()[:-1]
    answer = per_class(first_k)(POOL, 30, rng=rng(), given=given)
    assert len(answer) == 30 and not set(answer.indices.tolist()) & set(given)
    assert (POOL.y[answer.indices] == 1).sum() == 1


def test_a_class_that_runs_dry_says_so():
    def stubborn(pool, k, *, rng, given=()):
        rows = torch.arange(min(k, 2))
        return Selection(rows, info={"stopped": "had enough"} if len(rows) < k else {})

    answer = per_class(stubborn)(POOL, 12, rng=rng())
    assert (
        len(answer) == 6
        and answer.info["stopped"] == "class a: had enough; class b: had enough; class c: had enough"
    )


def test_the_target_is_sliced_by_class_and_seen_through_the_view():
    seen = []

    def spy(pool, k, *, rng, given=()):
        seen.append(
            (
                pool.y.unique().tolist(),
                pool.target.y.unique().tolist(),
                pool.grads.r.shape[2],
                pool.target.grads.r,
            )
        )
        return first_k(pool, k, rng=rng)

    per_class(spy, view="own_class")(POOL, 6, rng=rng())
    assert [(own, targets, width) for own, targets, width, _ in seen] == [([i], [i], 1) for i in range(3)]
    for label, _, part in class_groups(POOL, "own_class"):
        rows = POOL.target.y == label
        assert torch.equal(part.target.grads.r[:, :, 0], POOL.target.grads.r[:, rows, label])


def test_pseudo_labels_group_rows_that_nobody_labelled():
    bare = Pool.of(POOL.emb, logits=POOL.logits, grads=POOL.grads)
    answer = select("gradsim", bare, 9, wrap=[("per_class", {"view": "pseudo_label"})])
    believed = POOL.logits.argmax(1)
    wanted = allocate(believed.bincount().tolist(), 9).bincount(minlength=3)
    assert believed[answer.indices].bincount(minlength=3).tolist() == wanted.tolist()
    assert reweigh(bare, answer).weights.tolist() == pytest.approx(answer.weights.tolist())


@pytest.mark.parametrize("k", [1, 16, 17, 50, 60])
def test_per_batch_takes_whole_batches_and_cuts_the_last(k):
    answer = per_batch(first_k, size=16)(POOL, k, rng=rng())
    groups = batch_groups(POOL, 16, answer.info["batch_seed"])
    assert [len(rows) for rows in groups] == [16, 16, 16, 12]
    rows = torch.cat(groups)
    assert answer.indices.tolist() == rows[:k].tolist() and not answer.info.get("stopped")


def test_per_batch_fills_up_when_a_short_batch_or_given_rows_leave_a_gap():
    def last_first(pool, k, *, rng, given=()):
        return Selection(torch.tensor([i for i in range(len(pool) - 1, -1, -1) if i not in given][:k]))

    groups = batch_groups(POOL, 16, seed=5)
    dealt = {"size": 16, "seed": 5}
    assert len(per_batch(last_first, **dealt)(POOL, 16, rng=rng())) == 16  # 12 and 4 more
    given = torch.cat([rows[:10] for rows in groups]).tolist()
    answer = per_batch(first_k, **dealt)(POOL, 20, rng=rng(), given=given)
    assert len(answer) == 20 and not set(answer.indices.tolist()) & set(given)


@pytest.mark.parametrize("against", ["training", "validation"])
@pytest.mark.parametrize("steps", ["last", "all"])
def test_a_batch_is_its_rows_mean_gradient_at_the_steps_asked_for(steps, against):
    """Matching pursuit of batches, as if somebody had made a pool of batch gradients by hand; λ counts on sums."""
    pool = Pool(POOL.fields, POOL.classes, POOL[::4])
    groups = batch_groups(pool, 16, seed=0)
    grads, target = (p.grads if steps == "all" else p.grads.last for p in (pool, pool.target))
    means = torch.stack([grads[rows].dense().double().sum(0) / 16 for rows in groups]).float()
    held = Pool.of(grads=Dense(means))
    by_hand = Pool(held.fields, (), Pool.of(grads=Dense(target.dense())))
    how = {"steps": steps, "against": against, "show": False}
    wanted = select("gradmatch", by_hand, 2, ridge=0.5 / 16**2, **how)
    answer = select("gradmatch", pool, 32, wrap=[("per_batch", {"size": 16, "seed": 0})], **how)
    rows = torch.cat([groups[b] for b in wanted.indices])[:32]
    assert len(rows) >= 28 and answer.indices.tolist()[: len(rows)] == rows.tolist()
    torch.testing.assert_close(reweigh(pool, answer).weights, answer.weights)


BATCHES = ("per_batch", {"size": 7})
WRAPS = {
    "alone": [BATCHES],
    "per class": [BATCHES, ("per_class", {})],
    "per class and view": [BATCHES, ("per_class", {"view": "pseudo_label"})],
    "per class twice": [BATCHES, ("per_class", {}), ("per_class", {"view": "pseudo_label"})],
    "merged": [BATCHES, ("merge_reduce", {"parts": 2})],
    "merged within": [("merge_reduce", {"parts": 2}), BATCHES],
    "per class and merged": [BATCHES, ("per_class", {}), ("merge_reduce", {"parts": 2})],
    "two stages": [BATCHES, ("two_stage", {"factor": 2.0})],
}


@pytest.mark.parametrize("method", ["gradmatch", "craig", "random"])
@pytest.mark.parametrize("wrap", WRAPS)
def test_batches_that_were_drawn_are_found_again(method, wrap, tmp_path):
    """Whatever is around them: by reweigh, from a file too, and by a second call with the same seed."""
    pool = Pool({**POOL.fields, "y": POOL.logits.argmax(1)}, POOL.classes, POOL.target)
    answer = select(method, pool, 24, wrap=WRAPS[wrap], seed=3, show=False)
    again = select(method, pool, 24, wrap=answer.info["wrap"], seed=answer.info["seed"], show=False)
    assert torch.equal(again.indices, answer.indices) and torch.equal(again.weights, answer.weights)
    assert again.info["batch_seed"] == answer.info["batch_seed"]
    for kept in (answer, *(Selection.load(answer.save(tmp_path / f"a.{end}")) for end in ("npz", "parquet"))):
        torch.testing.assert_close(reweigh(pool, kept).weights, answer.weights)
        for j in (1, 5, 23):
            prefix = reweigh(pool, kept[:j]).weights
            assert torch.equal(prefix, reweigh(pool, answer[:j]).weights) and len(prefix) == j


def test_weights_of_drawn_batches_by_hand():
    """Each class deals its own rows; every pick stands for as many, also where the budget cuts a batch."""
    answer = select("random", POOL, 20, wrap=[BATCHES, ("per_class", {})], seed=1, show=False)
    dealt = answer.info["batch_seed"]
    assert list(dealt) == list(POOL.classes) and len(set(dealt.values())) == 3
    for label, name in enumerate(POOL.classes):
        rows = POOL.by_class()[label]
        groups = [rows[own].tolist() for own in batch_groups(POOL[rows], 7, dealt[name])]
        mine = [i for i in answer.indices.tolist() if i in rows.tolist()]
        cut = [group for group in groups if 0 < len(set(group) & set(mine)) < len(group)]
        assert len(cut) <= 1
        inside = [place for place, i in enumerate(answer.indices.tolist()) if i in mine]
        assert answer.weights[inside].tolist() == pytest.approx([len(rows) / len(mine)] * len(mine))


@pytest.mark.parametrize("name", ["GRAD-MATCHPB", "CRAIGPB"])
def test_presets_by_batch_draw_by_their_seed(name):
    pool = make(200)
    picks = [select(name, pool, 40, seed=seed, show=False) for seed in (0, 0, 1, 2)]
    rows = [answer.indices.tolist() for answer in picks]
    assert rows[0] == rows[1] and len({tuple(sorted(r)) for r in rows}) == 3
    assert len({answer.info["batch_seed"] for answer in picks}) == 3


def test_batches_told_are_dealt_as_told_whatever_the_seed():
    """As in code and files from before batches were drawn; what the method itself draws is left as it was."""
    told = [("per_batch", {"size": 8, "seed": 0})]
    one, two = (select("craig", POOL, 24, wrap=told, seed=seed, show=False) for seed in (0, 7))
    assert one.indices.tolist() == two.indices.tolist() and "batch_seed" not in one.info
    groups = batch_groups(POOL, 8, 0)
    taken = [int(torch.isin(group, one.indices).sum()) for group in groups]
    cut = [1 for group, count in zip(groups, taken) if 0 < count < len(group)]
    assert len(cut) <= 1 and sum(taken) == 24
    drawn = select("craig", POOL, 24, wrap=[("per_batch", {"size": 8})], seed=5, show=False)
    redealt = [("per_batch", {"size": 8, "seed": drawn.info["batch_seed"]})]
    assert select("craig", POOL, 24, wrap=redealt, show=False).indices.tolist() == drawn.indices.tolist()
    unsaid = select("craig", POOL, 24, wrap=[("per_batch", {"size": 8, "seed": None})], seed=5, show=False)
    assert unsaid.indices.tolist() == drawn.indices.tolist()
    torch.testing.assert_close(reweigh(POOL, unsaid).weights, drawn.weights)


def test_a_selection_from_before_batches_were_drawn_has_those_of_seed_0():
    told = select("gradmatch", POOL, 24, wrap=[("per_batch", {"size": 8, "seed": 0})], show=False)
    old = Selection(told.indices, info={**told.info, "wrap": [["per_batch", {"size": 8}]]}, ids=told.ids)
    torch.testing.assert_close(reweigh(POOL, old).weights, told.weights)


def test_batches_of_batches_are_refused():
    with pytest.raises(ValueError, match="batches of batches, .* give it once, with a larger size"):
        select("craig", POOL, 24, wrap=[BATCHES, BATCHES], show=False)


def test_classes_of_one_name_are_told_apart():
    pool = Pool(POOL.fields, ("x", "x", "y"), POOL.target)
    answer = select("craig", pool, 24, wrap=[BATCHES, ("per_class", {})], show=False)
    assert list(answer.info["batch_seed"]) == ["x (0)", "x (1)", "y"]
    torch.testing.assert_close(reweigh(pool, answer).weights, answer.weights)


def test_a_method_that_finds_no_batch_says_so():
    grads = Dense(POOL.grads.dense().abs())
    target = POOL.target.add(grads=Dense(-torch.ones(len(POOL.target), grads.dim)))
    pool = Pool(POOL.add(grads=grads).fields, POOL.classes, target)
    answer = select("gradmatch", pool, 9, against="validation", wrap=[("per_batch", {"size": 8})], show=False)
    assert len(answer) == 0 and "no row left points along it" in answer.info["stopped"]


def test_what_classes_tell_of_themselves_comes_by_name():
    answer = select("fastcore", POOL, 9, wrap=PER_CLASS, show=False)
    assert list(answer.info["bound_error"]) == list(POOL.classes) == list(answer.info["groups"])
    for name, (_, _, part) in zip(POOL.classes, class_groups(POOL)):
        assert 1 <= answer.info["groups"][name] <= len(part) and answer.info["bound_error"][name] >= 0
    one = select(
        "fastcore", POOL, 2, wrap=PER_CLASS, show=False
    )  # the third class has no pick and tells nothing
    assert list(one.info["groups"]) == ["a", "b"]
    assert answer.info["params"]["bits"] == 48 and answer.info["weights"] == "counts"


def test_two_stage_chooses_among_what_the_first_proposed():
    proposals = []

    def proposing(pool, k, *, rng, given=()):
        answer = METHODS["random"](pool, k, rng=rng, given=given)
        proposals.append(set(answer.indices.tolist()))
        return answer

    answer = two_stage(first_k, first=proposing, factor=3)(POOL, 5, rng=rng(), given=(2, 3))
    assert (
        len(proposals[0]) == 15 and set(answer.indices.tolist()) <= proposals[0] - {2, 3} and len(answer) == 5
    )
    everything = select("kcenter", POOL, 60, wrap=[("two_stage", {"first": "random", "factor": 2.0})])
    assert sorted(everything.indices.tolist()) == list(range(60))


def test_merge_reduce_sees_parts_then_their_union_and_takes_anybodys_map():
    sizes, calls = [], []

    def counting(pool, k, *, rng, given=()):
        sizes.append((len(pool), k))
        return first_k(pool, k, rng=rng, given=given)

    def mapping(work, tasks):
        calls.append(len(tasks := list(tasks)))
        return [work(task) for task in tasks]

    answer = merge_reduce(counting, parts=4, map=mapping)(POOL, 5, rng=rng())
    assert sizes == [(15, 5)] * 4 + [(20, 5)] and calls == [4] and len(answer) == 5


def test_nested_combinators_state_weights_as_they_chose():
    wrap = [("per_class", {}), ("merge_reduce", {"parts": 2})]
    answer = select("kcenter", POOL, 9, wrap=wrap)
    for label, rows in POOL.by_class().items():
        mine = POOL.y[answer.indices] == label
        assert float(answer.weights[mine].sum()) == len(rows), "each class counts its own rows"
    assert torch.equal(reweigh(POOL, answer).weights, answer.weights)


def test_combinators_take_names_and_methods():
    by_name = per_class("kcenter")(POOL, 9, rng=rng())
    assert by_name.indices.tolist() == per_class(METHODS["kcenter"])(POOL, 9, rng=rng()).indices.tolist()
    answer = two_stage("kcenter", first="random")(POOL, 5, rng=rng())
    assert answer.weights.sum() == 60 and answer.info["wrap"] == [["two_stage", {"factor": 4.0}]]


def test_a_selection_says_whether_its_prefixes_are_answers():
    for name, options, wanted in (
        ("kcenter", {}, True),
        ("kcenter", {"wrap": [("per_class", {})]}, True),
        ("kcenter", {"wrap": [("two_stage", {})]}, False),  # another budget has other candidates
        ("entropy", {"pick": "bottom"}, True),
        ("entropy", {"wrap": [("merge_reduce", {})]}, False),
    ):
        assert select(name, POOL, 5, **options).info["nested"] is wanted


def test_split_generators_do_not_depend_on_each_other():
    one, two = split(rng(), 3), split(rng(), 3)
    torch.rand(10, generator=one[0])
    assert torch.equal(torch.rand(4, generator=one[1]), torch.rand(4, generator=two[1]))
    assert not torch.equal(torch.rand(4, generator=two[0]), torch.rand(4, generator=two[2]))


# -- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["emb", "grads"])
def test_counts_are_clusters_of_the_nearest_pick(space):
    vectors, rows = POOL.vectors(space), torch.tensor([40, 3, 17, 22])
    owner, distance = nearest_pick(vectors, rows)
    every = torch.cdist(vectors.dense().double(), vectors.dense()[rows].double())
    torch.testing.assert_close(distance.double(), every.min(1).values, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        every.gather(1, owner[:, None])[:, 0], every.min(1).values, rtol=1e-4, atol=1e-3
    )
    assert owner[rows].tolist() == [0, 1, 2, 3]


def test_one_picks_weights_belong_to_its_budget():
    answer = select("kcenter", POOL, 12, space="emb")
    part = reweigh(POOL, answer[:5])
    assert (
        part.weights.sum() == 60
        and part.weights.tolist() == select("kcenter", POOL, 5, space="emb").weights.tolist()
    )
    own = Selection.of([4, 1], [2.0, 3.0])
    assert reweigh(POOL, own).weights.tolist() == [2, 3] and reweigh(POOL, own[:0]).weights is None
