"""The papers' names as data: what each is called in print, and which method, combinators and parameters it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coreset_explore.registry import METHODS, PICKERS, SCORES, unknown

PER_CLASS = (("per_class", {}),)


@dataclass(frozen=True)
class Preset:
    """A named configuration: `select(p.method, pool, k, wrap=p.wrap, pick=p.pick, **p.params)`."""

    name: str
    method: str
    wrap: Sequence[tuple[str, Mapping[str, Any]]] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    pick: Any = None
    help: str = ""
    cite: str = ""  # its own paper, where that is not the method's

    @property
    def declared(self):
        """The registered method or score."""
        return (SCORES if self.method in SCORES else METHODS)[self.method]

    @property
    def purpose(self) -> str:
        return self.declared.purpose

    @property
    def paper(self) -> str:
        picker = self.pick if isinstance(self.pick, str) else (self.pick or ("top",))[0]
        return self.cite or "; ".join(
            filter(None, dict.fromkeys([PICKERS[picker].paper, self.declared.paper]))
        )


_PRESETS = (
    Preset("CRAIG", "craig", PER_CLASS, help="Stands for the most gradients; weights say for how many."),
    Preset("k-center", "kcenter", help="Farthest first: no row is far from a pick. Chases outliers."),
    Preset("k-center per class", "kcenter", PER_CLASS, help="Farthest first within each class."),
    Preset(
        "GRAD-MATCH",
        "gradmatch",
        (("per_class", {"view": "own_class"}),),
        help="Few weighted gradients that add up to all of them; per class and output.",
    ),
    Preset(
        "GRAD-MATCH per class",
        "gradmatch",
        PER_CLASS,
        help="As GRAD-MATCH, with the gradients of all outputs.",
    ),
    Preset(
        "GRAD-MATCHPB",
        "gradmatch",
        (("per_batch", {"size": 32}),),
        help="Whole mini-batches whose gradients add up to all of them; ridge 0.5, the paper's, where CORDS has 0.",
    ),
    Preset(
        "GMC",
        "gradmatch",
        params={"nonnegative": False, "normalized": True, "ridge": 0.0, "steps": "all"},
        help="Few freely weighted rows for all gradients; in print: pool.add(grads=initial_gradients(data)[pool.ids]).",
        cite="Balles, Zappella & Archambeau 2021, Gradient-Matching Coresets for Continual Learning",
    ),
    Preset(
        "CRAIGPB",
        "craig",
        (("per_batch", {"size": 32}),),
        help="Whole mini-batches that stand for the most others.",
    ),
    Preset(
        "GradSimCore",
        "gradsim",
        PER_CLASS,
        help="Rows with the most neighbors in gradient direction, over all checkpoints.",
    ),
    Preset("Herding", "herding", PER_CLASS, help="Picks whose running mean stays closest to the class mean."),
    Preset("Entropy", "entropy", PER_CLASS, help="Rows the model is least decided about."),
    Preset("Margin", "margin", PER_CLASS, help="Rows closest to a tie between two classes."),
    Preset(
        "Least confidence", "least_confidence", PER_CLASS, help="Rows whose best class is least probable."
    ),
    Preset("EL2N", "el2n", PER_CLASS, help="Largest error norm early in training."),
    Preset("GraNd", "grand", PER_CLASS, help="Largest gradient norm."),
    Preset(
        "Forgetting",
        "forgetting",
        PER_CLASS,
        help="Rows learnt and forgotten most often; never learnt counts as hardest.",
    ),
    Preset("Random", "random", PER_CLASS, help="Uniform within each class: what every method has to beat."),
    Preset("Random, over all classes", "random", help="Uniform over the whole set."),
    Preset(
        "k-means",
        "kmeans",
        help="The row nearest to the mean of each of k clusters, weighted by its cluster.",
    ),
    Preset("Robust k-center", "kcenter_robust", help="Farthest first that leaves the farthest rows out."),
    Preset("MaxHerding", "maxherding", PER_CLASS, help="Picks among which most rows find a similar one."),
    Preset("ProbCover", "probcover", help="Pure balls that cover the most rows; stops when all is covered."),
    Preset("TypiClust", "typiclust", help="The most typical row of each cluster: for very small budgets."),
    Preset("ZCore", "zcore", help="Rows that random points fall next to, less those beside them; no labels."),
    Preset("Uniqueness", "uniqueness", help="Rows farthest from their nearest neighbors."),
    Preset(
        "Representativeness",
        "representativeness",
        PER_CLASS,
        help="Rows nearest to the centers of 20 clusters.",
    ),
    Preset(
        "Moderate",
        "class_distance",
        PER_CLASS,
        pick="middle",
        help="Rows at the median distance from their class mean.",
    ),
    Preset("AUM", "aum", PER_CLASS, help="Smallest margin over training: hard or mislabeled rows."),
    Preset("CCS", "aum", pick="ccs", help="All levels of difficulty alike, without the hardest rows."),
    Preset("D2", "forgetting", PER_CLASS, pick="d2", help="Hard rows, each discounting its neighbors."),
    Preset("DUAL", "dual", pick="beta", help="Uncertain and difficult rows; easier ones at small budgets."),
    Preset(
        "FastCore",
        "fastcore",
        PER_CLASS,
        help="CRAIG over groups of near rows, for huge classes; bounds by center and radius: the printed sum is none.",
    ),
    Preset(
        "FastCore, as printed",
        "fastcore",
        PER_CLASS,
        {"bound": "paper"},
        help="FastCore by sums of codeword distances (§5.2), which forget what quantization loses: no upper bound.",
    ),
    Preset(
        "FastCore-hull",
        "fastcore_hull",
        PER_CLASS,
        help="FastCore with the looser and slower bound, to compare.",
    ),
    Preset(
        "Craig+PQ", "craig_pq", PER_CLASS, help="CRAIG on quantized distances: what quantization alone costs."
    ),
    Preset(
        "Stratified LSH",
        "stratified_lsh",
        PER_CLASS,
        help="Random within groups of near rows: FastCore has to beat it.",
    ),
    Preset(
        "Facility Location",
        "facility_location",
        PER_CLASS,
        help="Every row is like one of the picks; weights say how many are.",
    ),
    Preset(
        "GraphCut", "graph_cut", PER_CLASS, help="Picks like all rows of their class and unlike each other."
    ),
    Preset(
        "Log determinant",
        "log_determinant",
        PER_CLASS,
        help="Picks least explained by each other; stops when all is explained.",
    ),
    Preset(
        "Feature-based", "feature_based", help="Picks that show much of every feature, repeats counting less."
    ),
    Preset(
        "Saturated coverage",
        "saturated_coverage",
        PER_CLASS,
        help="Every row is like the picks together, until it has enough.",
    ),
    Preset(
        "Disparity-min",
        "disparity_min",
        help="No two picks near each other: k-center that starts at the rim.",
    ),
    Preset("Disparity-sum", "disparity_sum", help="Picks far from each other on average: the rim."),
    Preset(
        "GLISTER",
        "glister",
        PER_CLASS,
        help="Rows along whose gradients a step lowers the validation loss; needs holdout=.",
    ),
    Preset(
        "BADGE",
        "badge",
        (),
        {"labels": "predicted"},
        help="Large gradients unlike each other, drawn by k-means++; asks for no labels.",
    ),
    Preset("CAL", "cal", help="Rows predicted unlike their nearest neighbors."),
    Preset(
        "CAL, lowest divergence",
        "cal",
        PER_CLASS,
        {"order": "lowest"},
        help="Rows predicted like their neighbors: what DeepCore's CAL picks.",
    ),
    Preset(
        "DeepFool",
        "deepfool",
        PER_CLASS,
        help="Rows nearest to the decision boundary; needs extras=('deepfool',).",
    ),
    Preset(
        "Contextual Diversity",
        "contextual_diversity",
        PER_CLASS,
        help="Farthest first between predictions, by symmetric KL divergence.",
    ),
)


def presets() -> dict[str, Preset]:
    """Every preset by name, then registered methods that no preset names (a user's own), under their title."""
    found = {p.name: p for p in _PRESETS if p.method in METHODS or p.method in SCORES}
    named = {p.method for p in found.values()}
    for method in (*METHODS.values(), *SCORES.values()):
        if method.name not in named:
            found[method.title] = Preset(method.title, method.name, help=method.summary)
    return found


class _Presets(Mapping[str, Preset]):
    """`presets()` as a mapping: what is registered later is in it too."""

    def __getitem__(self, name: str) -> Preset:
        found = presets()
        if name not in list(found):
            raise unknown("preset", name, found)
        return found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(presets())

    def __len__(self) -> int:
        return len(presets())


PRESETS = _Presets()
