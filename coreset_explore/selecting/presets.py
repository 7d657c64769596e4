"""The papers' names as data: what each is called in print, and which method, combinators and parameters it is."""

from __future__ import annotations

from typing import Any

PER_CLASS = (("per_class", {}),)


def _printed(name: str, method: str, **more: Any) -> dict[str, Any]:
    """The fields of a Strategy; `cite` is its own paper, where that is not the method's."""
    return {"name": name, "method": method, **more}


PRINTED: tuple[dict[str, Any], ...] = (
    _printed(
        "CRAIG", "craig", wrap=PER_CLASS, help="Stands for the most gradients; weights say for how many."
    ),
    _printed("k-center", "kcenter", help="Farthest first: no row is far from a pick. Chases outliers."),
    _printed("k-center per class", "kcenter", wrap=PER_CLASS, help="Farthest first within each class."),
    _printed(
        "GRAD-MATCH",
        "gradmatch",
        wrap=(("per_class", {"view": "own_class"}),),
        help="Few weighted gradients that add up to all of them; per class and output.",
    ),
    _printed(
        "GRAD-MATCH per class",
        "gradmatch",
        wrap=PER_CLASS,
        help="As GRAD-MATCH, with the gradients of all outputs.",
    ),
    _printed(
        "GRAD-MATCHPB",
        "gradmatch",
        wrap=(("per_batch", {"size": 32}),),
        help="Whole mini-batches whose gradients add up to all of them; ridge 0.5 on sums, the paper's; CORDS has 0.",
    ),
    _printed(
        "GMC",
        "gradmatch",
        params={"nonnegative": False, "normalized": True, "ridge": 0.0, "steps": "all"},
        help="Few freely weighted rows for all gradients; in print: pool.add(grads=initial_gradients(data)[pool.ids]).",
        cite="Balles, Zappella & Archambeau 2021, Gradient-Matching Coresets for Continual Learning",
    ),
    _printed(
        "CRAIGPB",
        "craig",
        wrap=(("per_batch", {"size": 32}),),
        help="Whole mini-batches that stand for the most others.",
    ),
    _printed(
        "GradSimCore",
        "gradsim",
        wrap=PER_CLASS,
        help="Rows with the most neighbors in gradient direction, over all checkpoints.",
    ),
    _printed(
        "Herding", "herding", wrap=PER_CLASS, help="Picks whose running mean stays closest to the class mean."
    ),
    _printed(
        "Entropy",
        "entropy",
        wrap=PER_CLASS,
        help="Uncertainty sampling: rows the model is least decided about.",
    ),
    _printed(
        "Margin",
        "margin",
        wrap=PER_CLASS,
        help="Uncertainty sampling: rows closest to a tie between two classes.",
    ),
    _printed(
        "Least confidence",
        "least_confidence",
        wrap=PER_CLASS,
        help="Uncertainty sampling: rows whose best class is least probable.",
    ),
    _printed("EL2N", "el2n", wrap=PER_CLASS, help="Largest error norm early in training."),
    _printed("GraNd", "grand", wrap=PER_CLASS, help="Largest gradient norm."),
    _printed(
        "Forgetting",
        "forgetting",
        wrap=PER_CLASS,
        help="Rows learnt and forgotten most often; never learnt counts as hardest.",
    ),
    _printed(
        "Random", "random", wrap=PER_CLASS, help="Uniform within each class: what every method has to beat."
    ),
    _printed("Random, over all classes", "random", help="Uniform over the whole set."),
    _printed(
        "k-means",
        "kmeans",
        help="The row nearest to the mean of each of k clusters, weighted by its cluster.",
    ),
    _printed("Robust k-center", "kcenter_robust", help="Farthest first that leaves the farthest rows out."),
    _printed(
        "MaxHerding", "maxherding", wrap=PER_CLASS, help="Picks among which most rows find a similar one."
    ),
    _printed(
        "ProbCover", "probcover", help="Pure balls that cover the most rows; stops when all is covered."
    ),
    _printed("TypiClust", "typiclust", help="The most typical row of each cluster: for very small budgets."),
    _printed(
        "ZCore", "zcore", help="Rows that random points fall next to, less those beside them; no labels."
    ),
    _printed("Uniqueness", "uniqueness", help="Rows farthest from their nearest neighbors."),
    _printed(
        "Representativeness",
        "representativeness",
        wrap=PER_CLASS,
        help="Rows nearest to the centers of 20 clusters.",
    ),
    _printed(
        "Moderate",
        "class_distance",
        wrap=PER_CLASS,
        pick="middle",
        help="Rows at the median distance from their class mean.",
    ),
    _printed(
        "AUM",
        "aum",
        wrap=PER_CLASS,
        pick="bottom",
        help="Largest margin over training: leaves out what its paper leaves out, rows that seem mislabeled.",
    ),
    _printed(
        "AUM, hardest first",
        "aum",
        wrap=PER_CLASS,
        help="Smallest margin over training, as pruning benchmarks rank by it: hard or mislabeled rows.",
    ),
    _printed("CCS", "aum", pick="ccs", help="All levels of difficulty alike, without the hardest rows."),
    _printed(
        "D2", "forgetting", wrap=PER_CLASS, pick="d2", help="Hard rows, each discounting its neighbors."
    ),
    _printed("DUAL", "dual", pick="beta", help="Uncertain and difficult rows; easier ones at small budgets."),
    _printed(
        "FastCore, centroid bound",
        "fastcore",
        wrap=PER_CLASS,
        help="CRAIG over groups of near rows, for huge classes; bounds by center and radius, ours, nearer to the cost.",
    ),
    _printed(
        "FastCore",
        "fastcore",
        wrap=PER_CLASS,
        params={"bound": "paper"},
        help="CRAIG over groups of near rows by sums of codeword distances (§5.2), which are no upper bound.",
    ),
    _printed(
        "FastCore-hull",
        "fastcore_hull",
        wrap=PER_CLASS,
        help="FastCore with the looser and slower bound, to compare.",
    ),
    _printed(
        "Craig+PQ",
        "craig_pq",
        wrap=PER_CLASS,
        help="CRAIG on quantized distances: what quantization alone costs.",
    ),
    _printed(
        "Stratified LSH",
        "stratified_lsh",
        wrap=PER_CLASS,
        help="Random within groups of near rows: FastCore has to beat it.",
    ),
    _printed(
        "Facility Location",
        "facility_location",
        wrap=PER_CLASS,
        help="Every row is like one of the picks; weights say how many are.",
    ),
    _printed(
        "GraphCut",
        "graph_cut",
        wrap=PER_CLASS,
        help="Picks like all rows of their class and unlike each other.",
    ),
    _printed(
        "Log determinant",
        "log_determinant",
        wrap=PER_CLASS,
        help="Picks least explained by each other; stops when all is explained.",
    ),
    _printed(
        "Feature-based", "feature_based", help="Picks that show much of every feature, repeats counting less."
    ),
    _printed(
        "Saturated coverage",
        "saturated_coverage",
        wrap=PER_CLASS,
        help="Every row is like the picks together, until it has enough.",
    ),
    _printed(
        "Disparity-min",
        "disparity_min",
        help="No two picks near each other: k-center that starts at the rim.",
    ),
    _printed("Disparity-sum", "disparity_sum", help="Picks far from each other on average: the rim."),
    _printed(
        "GLISTER",
        "glister",
        wrap=PER_CLASS,
        help="Rows along whose gradients a step lowers the validation loss; needs holdout=.",
    ),
    _printed(
        "BADGE",
        "badge",
        params={"labels": "predicted"},
        help="Large gradients unlike each other, drawn by k-means++; asks for no labels.",
    ),
    _printed("CAL", "cal", help="Rows predicted unlike their nearest neighbors."),
    _printed(
        "CAL, lowest divergence",
        "cal",
        wrap=PER_CLASS,
        params={"order": "lowest"},
        help="Rows predicted like their neighbors: what DeepCore's CAL picks.",
    ),
    _printed(
        "DeepFool",
        "deepfool",
        wrap=PER_CLASS,
        help="Rows nearest to the decision boundary; needs extras=('deepfool',).",
    ),
    _printed(
        "Contextual Diversity",
        "contextual_diversity",
        wrap=PER_CLASS,
        help="Farthest first between predictions, by symmetric KL divergence.",
    ),
    _printed(
        "Greedy Coreset",
        "greedy_coreset",
        help="Rows and weights from which a linear model learns all rows best, one by one.",
    ),
    _printed(
        "PBCS",
        "pbcs",
        help="Rows from which a linear model learns all rows best, by chances that are learnt.",
    ),
    _printed(
        "BCSR", "bcsr", help="Rows of the largest weights once these are pressed into few; a linear model's."
    ),
)
