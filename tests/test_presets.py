"""Every name the papers print selects something, says in one line what, and is what its paper prints."""

import pytest

from coreset_explore import select
from coreset_explore.registry import PURPOSES
from coreset_explore.selecting.strategy import presets
from tests.pools import make

POOL = make()
CLASS, OWN, BATCH = ("per_class", {}), ("per_class", {"view": "own_class"}), "per_batch"
MATCH = {"against": "training", "steps": "last", "nonnegative": True, "normalized": False}
MATCH |= {"ridge": 0.5, "tolerance": 1e-10}
QUANTIZED = {"subspaces": 4, "centroids": 256}
# What each paper prints, read there: its first author, the selector, how it is wrapped (a batch's size is not printed),
# the parameters that matter, and for scores the picker with its own.
PRINTED = {
    "CRAIG": ("Mirzasoleiman", "craig", [CLASS], {"space": "grads"}, None),
    "k-center": ("Sener", "kcenter", [], {"space": "emb", "metric": "euclidean"}, None),
    "GRAD-MATCH": (
        "Killamsetty",
        "gradmatch",
        [OWN],
        MATCH,
        None,
    ),  # A.2.1: its default; B: λ = 0.5, ε = 1e-10
    "GRAD-MATCH per class": ("Killamsetty", "gradmatch", [CLASS], MATCH, None),
    "GRAD-MATCHPB": (
        "Killamsetty",
        "gradmatch",
        [BATCH],
        MATCH,
        None,
    ),  # "we do not need these approximations"
    "CRAIGPB": ("Mirzasoleiman", "craig", [BATCH], {"space": "grads"}, None),
    # Algorithm 1: argmax ⟨g, r⟩ / ‖g‖, signed; free least squares; the draws are one long vector
    "GMC": (
        "Balles",
        "gradmatch",
        [],
        {"steps": "all", "nonnegative": False, "normalized": True, "absolute": False, "ridge": 0.0},
        None,
    ),
    "GradSimCore": ("GradSimCore", "gradsim", [CLASS], {}, None),
    "FastCore": (
        "Chai",
        "fastcore",
        [CLASS],
        {"groups": "lsh", "bits": 48, "bound": "paper", "sample": 500, **QUANTIZED},
        None,
    ),
    "FastCore-hull": ("Chai", "fastcore_hull", [CLASS], {"groups": "lsh", "bits": 48}, None),
    "Craig+PQ": ("Chai", "craig_pq", [CLASS], QUANTIZED, None),
    "BADGE": ("Ash", "badge", [], {"labels": "predicted", "steps": "last"}, None),
    "Greedy Coreset": ("Borsos", "greedy_coreset", [], {}, None),
    "PBCS": ("Zhou", "pbcs", [], {}, None),
    "BCSR": ("Hao", "bcsr", [], {}, None),
    "CAL": ("Margatina", "cal", [], {"neighbors": 10, "order": "highest"}, ("top", {})),
    "TypiClust": ("Hacohen", "typiclust", [], {"clusters": 500, "neighbors": 20}, None),
    "ProbCover": ("Yehuda", "probcover", [], {"purity": 0.95}, None),
    "ZCore": ("Griffin", "zcore", [], {"exponent": 4}, ("top", {})),
    "CCS": ("Zheng", "aum", [], {}, ("ccs", {"strata": 50})),
    "D2": ("Maharana", "forgetting", [CLASS], {}, ("d2", {"neighbors": 5, "forward": 1.0, "reverse": 0.1})),
    "DUAL": ("Cho", "dual", [], {"window": 10}, ("beta", {"rate": 4.0})),
    "AUM": ("Pleiss", "aum", [CLASS], {}, ("bottom", {})),  # rows of low area are what it removes
    "Moderate": ("Xia", "class_distance", None, {"center": "mean"}, ("middle", {})),
}


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.name)
def test_a_preset_runs_as_it_is_and_explains_itself(preset):
    answer = select(
        preset.method, POOL, 9, wrap=preset.wrap, pick=preset.pick, show=False, **dict(preset.params)
    )
    assert len(answer.indices.unique()) == 9 or answer.info["stopped"]
    assert preset.purpose in PURPOSES and (preset.paper or preset.purpose == "baseline")
    assert preset.help.endswith(".") and "\n" not in preset.help and len(preset.help) < 130


@pytest.mark.parametrize("name", PRINTED)
def test_a_preset_is_what_its_paper_prints(name):
    author, method, wrap, params, pick = PRINTED[name]
    preset = presets()[name]
    assert preset.paper.startswith((author, "Anonymous, " + author)), "its own paper is named first"
    assert preset.method == method
    if wrap is not None:
        assert len(preset.wrap) == len(wrap)
        for (kind, options), printed in zip(preset.wrap, wrap, strict=True):
            assert (kind, dict(options)) == printed if printed != BATCH else kind == BATCH
    bound = preset.bare
    assert _settled(bound.method, bound.params).items() >= params.items()
    assert (bound.pick is None) == (pick is None)
    if pick is not None:
        assert bound.pick[0] == pick[0]
        assert _settled(bound.picker, bound.pick[1]).items() >= pick[1].items()


def test_no_two_names_are_one_configuration():
    """Defaults said or left out: a second name for the same thing promises a difference that is not there."""
    seen: dict[str, str] = {}
    for preset in presets().values():
        bound = preset.bare
        what = repr(
            (preset.method, [*map(repr, preset.wrap)], _settled(bound.method, bound.params), bound.pick)
        )
        assert what not in seen, f"{preset.name} and {seen[what]} are the same"
        seen[what] = preset.name


def test_each_method_is_reached_by_some_preset():
    from coreset_explore import METHODS, SCORES

    named = {preset.method for preset in presets().values()}
    assert named == {*METHODS, *SCORES}


def _settled(method, params) -> dict:
    """Every parameter as it will be, defaults included."""
    return {name: params.get(name, param.default) for name, param in method.params.items()}
