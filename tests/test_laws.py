"""The laws: written once, met by every registered method in every space it works in, and by every picker.

A method joins by being registered. A law that does not apply is declared, by the method (`skips`, with the reason) or
by what it declares itself to be (`nested=False`); the last test counts that nothing else was left out.
"""

from __future__ import annotations

import gc
import json
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import coreset_explore
from coreset_explore import (
    METHODS,
    PICKERS,
    SCORES,
    Cancelled,
    LastLayer,
    Pool,
    Selection,
    listening,
    reweigh,
    select,
)
from coreset_explore.machine.ram import peak_memory
from coreset_explore.measures import coverage, facility_location, objective, prefixes, represent
from coreset_explore.pool import Missing
from coreset_explore.registry import Method
from coreset_explore.selecting.bare import Bare, bind
from coreset_explore.selecting.combinators import per_batch
from coreset_explore.selecting.parts import allocate
from tests import pretend
from tests.pools import alike, constant, gradients, make

PER_CLASS = [("per_class", {})]
PER_BATCH = [("per_batch", {"size": 8})]
MERGE = [("merge_reduce", {"parts": 3})]
LIBRARY = Path(coreset_explore.__file__).parent
NOISE = 24 << 20  # bytes that the allocator and imports may add to any measurement
POOL = alike(make())
N = len(POOL)
SKEWED = POOL[torch.cat([rows[: 4 + 8 * label] for label, rows in POOL.by_class().items()])]


@dataclass(frozen=True)
class Case:
    """A method, with the space it works in where it has several; a picker is met as entropy through it."""

    method: Method
    params: dict[str, Any]
    picker: Method | None = None

    @property
    def label(self) -> str:
        return "-".join([self.declares.name, *map(str, self.params.values())])

    @property
    def declares(self) -> Method:
        """Whose laws these are."""
        return self.picker or self.method

    @property
    def bound(self) -> Bare:
        return bind(self.method, self.picker and self.picker.name, **self.params)

    @property
    def needs(self) -> list[tuple[str, ...]]:
        """The sets of fields of which one is enough, in this space."""
        space, extra = self.params.get("space"), self.picker.alternatives() if self.picker else [()]
        own = [fields for fields in self.method.alternatives() if space is None or space in fields]
        return [one + two for one in own for two in extra]

    def with_setting(self, pool: Pool, k: int, *, given: Sequence[int] = (), **params) -> Selection:
        """k picks with parameters set, the method's or the picker's."""
        if self.picker is not None:
            return select(self.method, pool, k, given=given, pick=(self.picker.name, params), show=False)
        return select(self.method, pool, k, given=given, show=False, **self.params, **params)

    def answer(self, k: int, wrap: list | tuple = ()) -> Selection:
        """The answer for k rows of POOL, which many laws look at: computed once."""
        return _answer(self.label, k, json.dumps(wrap))

    def __call__(self, k: float, pool: Pool = POOL, seed: int = 0, **more) -> Selection:
        pick = self.picker and self.picker.name
        return select(self.method, pool, k, seed=seed, pick=pick, show=False, **self.params, **more)


LAWS: dict[str, Callable[[Case], None]] = {}
COLLECTED: list[tuple[str, str]] = []


def law(check: Callable[[Case], None]) -> Callable[[Case], None]:
    LAWS[check.__name__] = check
    return check


def cases() -> Iterator[Case]:
    for method in [*METHODS.values(), *SCORES.values()]:
        spaces = method.params["space"].choices if "space" in method.params else (None,)
        yield from (Case(method, {} if space is None else {"space": space}) for space in spaces)
    yield from (Case(SCORES["entropy"], {}, picker) for picker in PICKERS.values())


@cache
def _answer(label: str, k: int, wrap: str) -> Selection:
    return next(case for case in cases() if case.label == label)(k, wrap=json.loads(wrap))


def declared_skips(method: Method) -> dict[str, str]:
    """Laws that do not apply, each with the reason the method gives."""
    skips = dict(method.skips)
    if not method.nested:
        skips |= dict.fromkeys(("nested", "nested_per_class", "reweigh_a_prefix"), "declares nested=False")
    if method.bytes is None and method.kind != "picker":
        skips["memory"] = "declares no bytes"
    return skips


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    chosen = [(name, case) for case in cases() for name in LAWS if name not in declared_skips(case.declares)]
    COLLECTED.extend((name, case.label) for name, case in chosen)
    metafunc.parametrize("name, case", chosen, ids=[f"{case.label}-{name}" for name, case in chosen])


def test_law(name: str, case: Case) -> None:
    LAWS[name](case)


def test_an_error_from_underneath_explains_nothing() -> None:
    def torchs() -> None:
        torch.ones(3).view(2, 2)

    def numpys() -> None:
        np.ones(3) + np.ones(4)

    for call in (
        torchs,
        numpys,
        lambda: METHODS["random"].checked({"k": 3}),
        lambda: select("kcentre", POOL, 3),
    ):
        with pytest.raises((ValueError, RuntimeError)) as caught:
            call()
        if call in (torchs, numpys):
            with pytest.raises(AssertionError):
                explained(caught.value)
        else:
            explained(caught.value)


def test_every_method_meets_every_law_but_the_declared_ones() -> None:
    every = list(cases())
    skipped = [(case.label, name) for case in every for name in declared_skips(case.declares)]
    unknown = {name for _, name in skipped} - set(LAWS)
    assert not unknown, f"a method skips {unknown}, and there is no such law"
    assert len(every) >= len(METHODS) + len(SCORES) + len(PICKERS) > 14
    assert all(reason.strip() for case in every for reason in declared_skips(case.declares).values())
    wanted = len(every) * len(LAWS) - len(skipped)
    assert len(COLLECTED) == len(set(COLLECTED)) == wanted, (
        f"{len(every)} methods × {len(LAWS)} laws − {len(skipped)} declared skips = {wanted}, not {len(COLLECTED)}"
    )


def sound(answer: Selection, k: int, n: int) -> None:
    """k distinct rows, or fewer and a reason."""
    rows = answer.indices
    assert rows.dtype == torch.int64 and len(rows.unique()) == len(rows)
    assert not len(rows) or 0 <= rows.min() <= rows.max() < n
    assert len(rows) == k or (len(rows) < k and len(answer.info["stopped"]) > 10)


def honest(answer: Selection, kind: str | None, n: int) -> None:
    """Weights of the declared kind."""
    w = answer.weights
    if kind is None:
        assert w is None
        return
    assert torch.isfinite(w).all() and len(w) == len(answer)
    if kind == "uniform" and len(w):
        near(w, torch.full_like(w, n / len(w)), rtol=1e-7, atol=0.0)
    if kind == "counts" and len(w):
        assert (w == w.round()).all() and (w >= 0).all() and w.sum() == n


def explained(error: ValueError) -> None:
    """One sentence of ours: a `raise` in the library, not what numpy or torch said to something it handed them."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    assert Path(last.filename).is_relative_to(LIBRARY) and last.line.startswith("raise "), f"{last}: {error}"
    assert len(str(error)) > 30 and "\n" not in str(error), error


def near(one: torch.Tensor, two: torch.Tensor, rtol: float, atol: float) -> None:
    """As torch.testing has it, without the second that it takes to import."""
    assert torch.allclose(one.double(), two.double(), rtol=rtol, atol=atol), (one, two)


def same(case: Case, one: tuple[Pool, Selection], two: tuple[Pool, Selection], rel: float = 1e-4) -> None:
    """The same rows of the original dataset, or (where floating point decided a tie) as good an answer.

    As good by the method's own yardstick, to a millionth of what one pick comes to: sums that k picks bring near 0
    are rounding.
    """
    if one[1].ids.tolist() == two[1].ids.tolist():
        return
    assert case.method.objective is not None, "another order, other picks"
    scale = abs(objective(POOL, case.answer(1)))
    assert objective(*one) == pytest.approx(objective(*two), rel=rel, abs=1e-6 * scale)


def taken_batches(case: Case, pool: Pool, k: int) -> tuple[Pool, Selection]:
    """What `per_batch` makes its answer of: the batches as a pool, and which of them the method takes."""
    seen: list[tuple[Pool, Selection]] = []

    def method(batches: Pool, k: int, **more) -> Selection:
        chosen = case.bound(batches, k, **more)
        seen.append((batches, replace(chosen, ids=batches.ids[chosen.indices.to(batches.device)].cpu())))
        return chosen

    per_batch(method, **dict(PER_BATCH)["per_batch"])(pool, k, rng=torch.Generator().manual_seed(0))
    return seen[-1]


@law
def draws_as_declared(case: Case) -> None:
    """What declares that it draws nothing leaves `rng` alone and cannot tell two of them apart; what draws reads it."""
    one, two = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    before = one.get_state()
    answers = [case.bound(POOL, 7, rng=rng).indices.tolist() for rng in (one, two)]
    read = not torch.equal(one.get_state(), before)
    assert case.bound.draws == read, (
        f"declares draws={case.declares.draws!r}, and rng was {'' if read else 'not '}read"
    )
    assert read or answers[0] == answers[1]


@law
def what_it_reads_is_known_before(case: Case) -> None:
    """A pool of the fields that it says it reads is enough, and it says which of them another pool lacks."""
    reads = case.bound.reads
    kept = replace(POOL.only(*reads), target=POOL.target if "target" in reads else None)
    assert len(case.bound(kept, 7, rng=torch.Generator())) > 0
    for name in reads:
        less = replace(
            POOL.only(*(field for field in reads if field != name)),
            target=None if name == "target" or "target" not in reads else POOL.target,
        )
        with pytest.raises(Missing, match=f"needs '{name}'"):
            case.bound(less, 7, rng=torch.Generator())


@law
def k_distinct_rows(case: Case) -> None:
    for k in (1, 7, N // 2, N):
        answer = case.answer(k)
        sound(answer, k, N)
        assert answer.ids.tolist() == POOL.ids[answer.indices].tolist()


@law
def weights(case: Case) -> None:
    for k in (1, 7, N // 2, N):
        honest(case.answer(k), case.method.weights, N)


@law
def same_seed_same_picks(case: Case) -> None:
    one, two = case(9, seed=3), case(9, seed=3)
    assert one.indices.tolist() == two.indices.tolist()
    assert one.weights is None or torch.equal(one.weights, two.weights)


@law
def global_generators_untouched(case: Case) -> None:
    def states():
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        return torch.get_rng_state().tolist(), random.getstate(), name, keys.tolist(), rest

    before = states()
    case(9)
    assert states() == before


@law
def reads_only_what_it_declares(case: Case) -> None:
    for fields in case.needs:
        bare = POOL.only(*fields)
        if "target" not in fields:
            bare = Pool(bare.fields, bare.classes)
        sound(case(7, bare), 7, N)


@law
def says_what_is_missing(case: Case) -> None:
    empty = Pool(POOL.only().fields)
    if case.needs[0]:
        with pytest.raises(Missing, match="signals|Pool.of"):
            case(7, empty)
    else:
        sound(case(7, empty), 7, N)


@law
def too_many(case: Case) -> None:
    with pytest.raises(ValueError, match=f"asked for {N + 1} of {N} rows"):
        case(N + 1)


@law
def nested(case: Case) -> None:
    whole = case.answer(N // 2)
    for j in (1, 2, 7, N // 3):
        assert whole[:j].indices.tolist() == case.answer(j).indices.tolist()


@law
def nested_per_class(case: Case) -> None:
    whole = case.answer(N // 2, PER_CLASS)
    for j in (1, 2, 7, N // 3):
        assert whole[:j].indices.tolist() == case.answer(j, PER_CLASS).indices.tolist()


@law
def reweigh_states_a_selections_own_weights(case: Case) -> None:
    for wrap in ([], PER_CLASS):
        answer = case.answer(7, wrap)
        again = reweigh(POOL, answer).weights
        assert (again is None) == (answer.weights is None)
        if again is not None:
            near(again, answer.weights, rtol=1e-3, atol=1e-3)


@law
def reweigh_a_prefix(case: Case) -> None:
    for wrap in ([], PER_CLASS):
        wanted, prefix = case.answer(7, wrap), case.answer(N // 2, wrap)[:7]
        assert prefix.weights is None
        if wanted.weights is not None:
            stated = reweigh(POOL, prefix).weights
            near(stated, wanted.weights, rtol=1e-3, atol=1e-3)


@law
def prefixes_are_reweighed_at_every_budget(case: Case) -> None:
    """With every choice of every parameter: whatever tells how rows are compared tells it to both."""
    choices = {
        p.name: p.choices or (True, False)
        for p in case.method.params.values()
        if p.kind in ("choice", "bool")
    }
    settings = [{}]
    if case.method.weights == "counts":
        usual = {p.name: p.default for p in case.method.params.values()}
        free = {name: values for name, values in choices.items() if name not in case.params}
        settings += [{name: v} for name, values in free.items() for v in values if v != usual[name]]
    budgets = [1, 2, 7, 12, 20]
    for wrap in ([], PER_CLASS):
        for params in settings:
            try:
                answer = case(20, wrap=wrap, **params) if params else case.answer(20, wrap)
            except ValueError as error:  # it says nothing in this space
                explained(error)
                continue
            *parts, whole = prefixes(POOL, answer, budgets)
            assert whole is answer
            for b, part in zip(budgets, parts):
                wanted = reweigh(POOL, answer[:b])
                assert part.indices.tolist() == wanted.indices.tolist()
                if wanted.weights is None:
                    assert part.weights is None
                else:
                    near(part.weights, wanted.weights, rtol=1e-6, atol=1e-9)


@law
def row_order_does_not_matter(case: Case) -> None:
    shuffled = torch.randperm(N, generator=torch.Generator().manual_seed(5))
    for k in (1, 7, N // 2):
        same(case, (POOL, case.answer(k)), (POOL[shuffled], case(k, POOL[shuffled])))


@law
def composes_per_class(case: Case) -> None:
    sizes = SKEWED.y.bincount()
    for k in (2, 11):
        answer = case(k, SKEWED, wrap=PER_CLASS)
        sound(answer, k, len(SKEWED))
        if len(answer) == k:
            got = SKEWED.y[answer.indices].bincount(minlength=3)
            assert got.tolist() == allocate(sizes.tolist(), k).bincount(minlength=3).tolist()
        if case.method.weights is not None:
            assert torch.isfinite(answer.weights).all()
        if (
            case.method.weights in ("uniform", "counts") and k == 11
        ):  # every class has a pick, so every row is counted
            assert float(answer.weights.sum()) == pytest.approx(len(SKEWED))


@law
def composes_with_merge_reduce(case: Case) -> None:
    answer = case.answer(7, MERGE)
    sound(answer, 7, N)
    honest(answer, case.method.weights, N)
    sound(case(N, wrap=MERGE), N, N)


@law
def rows_given_are_not_picked_again(case: Case) -> None:
    given = POOL.by_class()[0].tolist()[:-2] + POOL.by_class()[1].tolist()[:3]
    for wrap in ([], PER_CLASS, MERGE):
        answer = case(9, wrap=wrap, given=given)
        sound(answer, 9, N)
        assert not set(answer.indices.tolist()) & set(given)


@law
def cancel_stops_it(case: Case) -> None:
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):  # the method looks, not only select()
        case.bound(POOL, N // 2, rng=torch.Generator().manual_seed(0))
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        case(N // 2, wrap=PER_CLASS)


@cache
def large(n: int, d: int, c: int) -> Pool:
    """Rows of a model that is sure of none: with tiny gradients, whose products are denormal, all takes far longer."""
    pool = alike(make(n, d, c))
    return pool.add(grads=gradients(pool.logits / d, pool.y, pool.emb, 2))


@law
def memory(case: Case) -> None:
    n, d, c, k = 3000, 48, 10, 8
    case.answer(7)  # imports and compiled kernels are not the method's memory
    pool, bound = large(n, d, c), case.bound
    gc.collect()  # what other laws left is not this method's
    with peak_memory(pool.device) as peak:
        bound(pool, k, rng=torch.Generator().manual_seed(0))
    if peak["bytes"] is None:
        pytest.skip("this system does not say how much memory a process used")
    declared = bound.bytes(n, d, c, k)
    assert peak["bytes"] <= 2 * declared + NOISE, f"{peak['bytes']:,} bytes used, {declared:,.0f} declared"


@law
def device_agrees(case: Case) -> None:
    """On the make-believe device, which refuses what a GPU refuses, and on a GPU where there is one; combined too."""
    batches = all(
        set(fields) <= {"grads", "emb"} for fields in case.needs
    )  # what a batch of rows has as well
    budgets = [(k, ()) for k in (1, 7, N // 2)]
    combined = [(7, PER_CLASS), (7, MERGE)] + ([(20, PER_BATCH)] if batches else [])
    for there in elsewhere():
        for k, wrap in budgets + combined:
            answer, here = case(k, there, wrap=wrap), case.answer(k, wrap)
            assert all(
                v is None or v.device.type == "cpu" for v in (answer.indices, answer.ids, answer.weights)
            )
            one, two = (POOL, here), (there, answer)
            if (
                wrap is PER_BATCH and answer.ids.tolist() != here.ids.tolist()
            ):  # batches were chosen, not rows
                one, two = taken_batches(case, POOL, k), taken_batches(case, there, k)
            # a tie that falls otherwise in a part leaves other candidates to the last choice
            same(case, one, two, rel=0.05 if wrap is MERGE else 1e-4)
            if wrap in ((), MERGE):
                honest(answer, case.method.weights, N)
            if answer.ids.tolist() == here.ids.tolist():
                for mine, theirs in ((here.weights, answer.weights), (here.score, answer.score)):
                    assert (mine is None) == (theirs is None)
                    if (
                        mine is not None and here.info["weights"] != "counts"
                    ):  # a row between two picks may be either's
                        near(mine.nan_to_num(), theirs.nan_to_num(), rtol=1e-3, atol=1e-3)


@law
def device_agrees_at_every_choice(case: Case) -> None:
    """Each choice of each parameter alone, and with rows given: these have code for a GPU too."""
    params = [
        p for p in case.declares.params.values() if p.kind in ("choice", "bool") and p.name not in case.params
    ]
    settings: list[dict] = [{"given": [5, 40]}]
    for p in params:
        settings += [{p.name: v} for v in p.choices or (True, False) if v != p.default]
    for there in elsewhere():
        for setting in settings:
            try:
                here = case.with_setting(POOL, 7, **setting)
            except ValueError as error:  # it needs another as well
                explained(error)
                continue
            same(case, (POOL, here), (there, case.with_setting(there, 7, **setting)))


@cache
def elsewhere() -> list[Pool]:
    """The pool on every device but this one."""
    found = [pretend.device(), *(["cuda"] if torch.cuda.is_available() else [])]
    return [POOL.to(device) for device in found]


@law
def provenance_is_json(case: Case) -> None:
    answer = case(7, wrap=PER_CLASS)
    info = json.loads(json.dumps(dict(answer.info)))
    assert info["method"] == case.method.name and info["weights"] == case.method.weights
    assert info["params"].items() >= case.params.items()
    assert case.method.kind != "score" or info["pick"] == [case.picker.name if case.picker else "top", {}]
    assert (info["k"], info["asked"], info["seed"], info["n"]) == (len(answer), 7, 0, N)
    assert info["nested"] == case.declares.nested and info["wrap"] == [["per_class", {}]]
    assert info["seconds"] >= 0 and info["pool"] == POOL.fingerprint
    params = {name: value for name, value in info["params"].items() if name not in case.params}
    again = case(info["asked"], seed=info["seed"], wrap=info["wrap"], **params)
    assert again.indices.tolist() == answer.indices.tolist(), (
        "what info says does not give the selection again"
    )


@law
def numbers_too_large_to_square(case: Case) -> None:
    """An answer that still tells rows apart, or a refusal; never scores or distances that all became 0 or infinite."""

    def enlarged(pool: Pool) -> Pool:
        grads = LastLayer(pool.grads.r, pool.grads.h * 1e25)
        larger = pool.add(emb=pool.emb * 1e25, grads=grads)
        return Pool(larger.fields, pool.classes, pool.target and enlarged(pool.target), pool.info)

    try:
        answer = case(7, enlarged(POOL))
    except ValueError as error:
        explained(error)
        return
    sound(answer, 7, N)
    honest(answer, case.method.weights, N)
    if answer.score is not None:
        assert len(answer.score.unique()) >= len(case.answer(7).score.unique()) / 2


OFFSETS = 1e2, 1e3, 1e4, 1e5
SIXTEENTHS = (POOL.emb * 16).round() / 16  # so that float32 holds them at every offset as they are


@cache
def moved(offset: float) -> Pool:
    """The pool with all features so much larger, its target's too."""
    target = POOL.target.add(emb=(POOL.target.emb * 16).round() / 16 + offset)
    return replace(POOL.add(emb=SIXTEENTHS + offset), target=target)


@law
def an_offset_changes_nothing(case: Case) -> None:
    """Where features are compared by distance: picks, weights, restated weights and measures are the centred pool's."""
    if not any("emb" in fields for fields in case.needs):
        return
    params, settled = {}, case.method.params
    for name, value in (("metric", "euclidean"), ("similarity", "rbf")):
        if name in settled and value in settled[name].choices:
            params[name] = value
    home = moved(0.0)
    for wrap, offsets in (([], OFFSETS), (PER_CLASS, OFFSETS[-1:])):
        here = case(9, home, wrap=wrap, **params)
        for offset in offsets:
            away = case(9, moved(offset), wrap=wrap, **params)
            same(case, (home, here), (moved(offset), away), rel=1e-4)
            if away.ids.tolist() != here.ids.tolist():
                continue
            for mine, theirs in ((here.weights, away.weights), (here.gains, away.gains)):
                assert (mine is None) == (theirs is None)
                if mine is not None:
                    near(mine, theirs, rtol=1e-4, atol=1e-5)
            stated = [reweigh(*one).weights for one in ((home, here), (moved(offset), away))]
            near(*stated, rtol=1e-6, atol=1e-9)  # counts exactly
            if not wrap:
                measured(home, moved(offset), here)


def measured(home: Pool, away: Pool, picks: Selection) -> None:
    """The measures that read features say the same of the same picks on both."""
    bare = [Selection.of(picks.indices) for _ in range(2)]
    for measure in (coverage, facility_location):
        one, two = (measure(pool, some, space="emb") for pool, some in zip((home, away), bare))
        assert one == pytest.approx(two, rel=1e-5)
    for space in ("emb", "own"):
        (owner, far), (other, apart) = (represent(pool, picks, space) for pool in (home, away))
        assert torch.equal(owner, other)
        near(far, apart, rtol=1e-5, atol=1e-6)


def _float64(x: torch.Tensor) -> torch.Tensor:
    return x.double()


def _float16(x: torch.Tensor) -> torch.Tensor:
    return x.half()


def _bfloat16(x: torch.Tensor) -> torch.Tensor:
    return x.bfloat16()


def _strided(x: torch.Tensor) -> torch.Tensor:
    """The same numbers, every second of twice as many."""
    wide = torch.empty(*x.shape, 2, dtype=x.dtype)
    wide[..., 0], wide[..., 1] = x, float("nan")
    return wide[..., 0]


@cache
def retyped(turn: Callable[[torch.Tensor], torch.Tensor], back: bool) -> Pool:
    """The pool with features, gradients and logits as a user has them, or as float32 copies of these."""

    def made(pool: Pool) -> Pool:
        def one(x: torch.Tensor) -> torch.Tensor:
            return turn(x).float().contiguous() if back else turn(x)

        grads = LastLayer(one(pool.grads.r), one(pool.grads.h))
        found = pool.add(emb=one(pool.emb), logits=one(pool.logits), grads=grads)
        if "similarity" in pool.fields:
            found = found.add(similarity=one(pool.similarity.values))
        return replace(found, target=pool.target and made(pool.target))

    return made(POOL)


@law
def any_float_will_do(case: Case) -> None:
    """Half precision, double precision and rows that are not contiguous answer as their float32 copies do."""
    for turn in (_float16, _bfloat16, _float64, _strided):
        given, copies = retyped(turn, False), retyped(turn, True)
        one, two = case(7, given), case(7, copies)
        same(case, (given, one), (copies, two))
        if one.ids.tolist() != two.ids.tolist():
            continue
        for mine, theirs in ((one.weights, two.weights), (one.gains, two.gains), (one.score, two.score)):
            assert (mine is None) == (theirs is None)
            if mine is not None:
                near(mine, theirs, rtol=1e-4, atol=1e-5)


@law
def one_row(case: Case) -> None:
    answer = case(1, POOL[3:4])
    sound(answer, 1, 1)
    honest(answer, case.method.weights, 1)


@cache
def all_equal(value: float) -> Pool:
    return alike(constant(value))


@law
def duplicates(case: Case) -> None:
    for pool in (all_equal(1.0), all_equal(0.0)):  # the second also has zero gradients
        for k in (1, 5, len(pool)):
            answer = case(k, pool)
            sound(answer, k, len(pool))
            honest(answer, case.method.weights, len(pool))


@law
def one_class(case: Case) -> None:
    single = POOL[POOL.y == 1]
    for wrap in ([], PER_CLASS):
        answer = case(5, single, wrap=wrap)
        sound(answer, 5, len(single))
        honest(answer, case.method.weights, len(single))


@law
def a_score_ranks_as_it_picks(case: Case) -> None:
    answer = case.answer(N)
    if answer.score is None:
        assert case.method.kind != "score" or case.picker is not None
        return
    assert answer.score.shape == (N,)
    in_order = answer.score[answer.indices]
    assert (in_order.diff() <= 0).all()


@law
def every_setting_answers_or_explains(case: Case) -> None:
    """Each choice and each end of a range, alone; a combination that makes no sense is a ValueError that says why."""
    for param in case.declares.params.values():
        if param.name in case.params:
            continue
        ends = [
            v for v in (param.low, param.high) if v is not None and v <= 1000
        ]  # a million draws take their time
        ends = [int(v) for v in ends] if param.kind == "int" else ends
        values = {"choice": param.choices, "bool": (True, False)}.get(param.kind, ends)
        for value in [*values, None] if param.optional else values:
            try:
                sound(case.with_setting(POOL, 6, **{param.name: value}), 6, N)
            except ValueError as error:
                explained(error)


@law
def describes_itself(case: Case) -> None:
    method = case.declares
    assert method.summary.endswith(".") and len(method.summary) < 130
    assert method.paper or method.purpose == "baseline" or method.name in ("top", "bottom")
    assert all(param.help for param in method.params.values()), "every parameter says what it does"
