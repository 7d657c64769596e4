"""The shared cores of greedy selection: lazy greedy, farthest first, matching pursuit. No policy.

Rows stand in id order, so that "the first of equals" is the smallest id. On a CPU the loops are compiled (`kernels`),
elsewhere, or with `compiled=False`, they are torch operations on the device where the tensors are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from coreset_explore.gradients import Dense, Gradients, LastLayer
from coreset_explore.progress import check, track

STEP = 2e9  # floating-point operations between two looks at whether to stop: some 50 ms on one core
BLOCK = 32  # candidates whose distances farthest first computes together


def by_id(vectors: Gradients, ids: Tensor, given: Sequence[int] = ()) -> tuple[Gradients, Tensor, Tensor]:
    """The rows in id order, their places in the pool (n,), and where `given` rows stand among them."""
    order = torch.argsort(ids.cpu(), stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    if not torch.equal(order, place):
        vectors = vectors[order.to(vectors.device)]
    return vectors, order, place[torch.as_tensor(list(given), dtype=torch.int64)]


def squared_norms(vectors: Gradients) -> Tensor:
    """‖g_i‖² (n,) float32, or a ValueError for what no distance can be computed from."""
    norms = vectors.squared_norm().float()
    if not torch.isfinite(norms).all():
        count = int((~torch.isfinite(norms)).sum())
        raise ValueError(
            f"{count:,} rows hold NaN, infinity or values too large to square; mend or drop them first"
        )
    return norms


def unit(vectors: Gradients) -> Gradients:
    """Rows scaled to length 1 (zero rows stay zero): Euclidean distances among them order pairs as cosines do."""
    norm = vectors.norm().clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    return Dense(vectors.g / norm) if isinstance(vectors, Dense) else LastLayer(vectors.r / norm, vectors.h)


def factors(vectors: Gradients) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """r (s, n, c), h (s, n, d) and bias as the kernels read them; features are r = 1, bias 0."""
    if isinstance(vectors, Dense):
        r, h, bias = torch.ones(1, len(vectors), 1), vectors.g[None], 0.0
    else:
        r, h, bias = vectors.r, vectors.h, 1.0
    return r.detach().float().contiguous().numpy(), h.detach().float().contiguous().numpy(), np.float32(bias)


def products(vectors: Gradients, rows: Tensor) -> Tensor:
    """Inner products (rows, n) float32, in pieces between which a run can be cancelled."""
    n = len(vectors)
    numbers = (
        sum(getattr(vectors, name).numel() for name in vectors.__dataclass_fields__) // n
    )  # stored, a row
    size = max(256, int(STEP / (2 * len(rows) * numbers)))
    out = torch.empty(len(rows), n, device=vectors.device)
    for start in range(0, n, size):
        check()
        out[:, start : start + size] = vectors.gram(rows, slice(start, start + size))
    return out


def nearest_to_mean(vectors: Gradients, norms: Tensor, free: Tensor) -> int:
    """The free row (n,) bool nearest to the mean of all rows; the first of equals."""
    n = len(vectors)
    mean = sum(vectors[start : start + 8192].sum() for start in track(range(0, n, 8192), "mean")) / n
    middle = mean.float()
    # twice the largest error that float32 can have made; what it cannot tell apart is computed in float64
    doubt = 1e-5 * (norms + 2 * norms.sqrt() * middle.norm())

    def exact(rows: Tensor) -> Tensor:
        some = double(vectors[rows])
        return 2 * some.dot(mean) - some.squared_norm()

    return best(2 * vectors.dot(middle) - norms, doubt, free, exact)[0]


def best(score: Tensor, doubt: Tensor, free: Tensor, exact: Callable[[Tensor], Tensor]) -> tuple[int, float]:
    """The free row of largest exact score, given scores (n,) that are wrong by at most `doubt`, and that score.

    Only rows that might be the largest are computed exactly. Equal means to 1e-12; then the first row.
    """
    score = torch.where(free, score, -torch.inf)
    rows = (score + doubt >= (score - doubt).max()).nonzero().flatten()
    values = torch.cat([exact(part) for part in rows.split(2048)])
    top = values.max()
    return int(rows[values >= top - 1e-12 * top.abs()][0]), float(top)


def double(vectors: Gradients) -> Gradients:
    return type(vectors)(*(getattr(vectors, name).double() for name in vectors.__dataclass_fields__))


def squared_between(a: Gradients, b: Gradients) -> Tensor:
    """‖a_i − b_i‖² (m,), either side one row or m; differences are taken before squaring, so nothing cancels."""
    if isinstance(a, Dense):
        return (a.g - b.g).square().sum(1)
    dr, dh = a.r - b.r, a.h - b.h
    turned = dr.square().sum(2) * (a.h.square().sum(2) + 1)
    cross = 2 * (dr * b.r).sum(2) * (a.h * dh).sum(2)
    return (turned + b.r.square().sum(2) * dh.square().sum(2) + cross).sum(0).clamp_min_(0)


def farthest_first(
    vectors: Gradients, k: int, given: Tensor, *, compiled: bool | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Each pick is the row farthest from all picks and given rows; the first is nearest to the mean if none is given.

    Returns picks (k,), each pick's distance when it was picked (k,), and every row's nearest pick (n,), −1 for given
    rows and rows nearer to these. When all distances are 0 the remaining picks are the first rows left. Distances of 32
    candidates are computed together, since rows that are far now are picked next: O(n) memory, n·d·k operations.
    """
    n = len(vectors)
    free = torch.ones(n, dtype=torch.bool)
    free[given] = False
    if compiled is None:
        compiled = vectors.device.type == "cpu"
    norms = squared_norms(vectors)
    first = nearest_to_mean(vectors, norms, free.to(vectors.device)) if len(given) == 0 else None
    if compiled:
        picks, reach, nearest, owner = _farthest_compiled(vectors, norms.numpy(), k, given, first)
    else:
        picks, reach, nearest, owner = _farthest_torch(vectors, k, given, first)
    if first is not None:  # nothing was picked before: state the radius the first pick leaves
        reach[0] = reach[1] if len(picks) > 1 else nearest.max()
    if len(picks) < k:  # only rows equal to picks are left
        free[picks] = False
        rest = free.nonzero().flatten()[: k - len(picks)]
        owner[rest] = torch.arange(len(picks), len(picks) + len(rest), dtype=owner.dtype)
        picks, reach = torch.cat([picks, rest]), torch.cat([reach, torch.zeros(len(rest))])
    return picks, reach.clamp_min(0).sqrt(), owner


def _farthest_compiled(vectors, norms, k, given, first):
    from coreset_explore import kernels

    n = len(vectors)
    r, h, bias = factors(vectors)
    nearest = np.full(n, np.finfo(np.float32).max, dtype=np.float32)
    owner, slot = np.full(n, -1, dtype=np.int32), np.full(n, -1, dtype=np.int32)
    picks, reach, made = np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.float32), 0
    for rows in given.split(BLOCK) if len(given) else ():
        kernels.approach(products(vectors, rows).numpy(), rows.numpy(), norms, r, h, bias, nearest, owner)
    block = torch.tensor([first]) if first is not None else None
    if first is not None:
        nearest[first] = np.inf
    for target in track(range(k), "farthest first"):
        while made <= target:
            if made or first is None:
                block = torch.topk(torch.from_numpy(nearest), min(BLOCK, n)).indices
                top = int(nearest.argmax())  # topk may prefer others among equals
                if nearest[top] <= 0:
                    return _tensors(picks[:made], reach[:made], nearest, owner)
                if top not in block:
                    block[-1] = top
            slot[block.numpy()] = np.arange(len(block), dtype=np.int32)
            near = products(vectors, block).numpy()
            made = kernels.farthest(near, slot, norms, r, h, bias, nearest, owner, picks, reach, made, k)
            slot[block.numpy()] = -1
    return _tensors(picks, reach, nearest, owner)


def _farthest_torch(vectors, k, given, first):
    device, n = vectors.device, len(vectors)
    nearest = torch.full((n,), torch.inf, device=device)
    owner = torch.full((n,), -1, dtype=torch.int64, device=device)
    for row in given.tolist():
        nearest = torch.minimum(nearest, squared_between(vectors, vectors[row : row + 1]))
    nearest[given.to(device)] = -torch.inf
    picks = torch.zeros(k, dtype=torch.int64, device=device)
    reach = torch.zeros(k, device=device)
    for made in track(range(k), "farthest first"):
        row = _first_max(nearest) if made or first is None else torch.tensor(first, device=device)
        if nearest[row] <= 0:
            return _tensors(picks[:made], reach[:made], nearest, owner)
        picks[made], reach[made] = row, nearest[row]
        distance = squared_between(vectors, vectors[row : row + 1])
        closer = distance < nearest
        nearest = torch.where(closer, distance, nearest)
        owner[closer] = made
        nearest[row], owner[row] = -torch.inf, made
    return _tensors(picks, reach, nearest, owner)


def _first_max(values: Tensor) -> Tensor:
    """The first place of the maximum; argmax promises none on a GPU."""
    places = torch.arange(len(values), device=values.device)
    return torch.where(values == values.max(), places, len(values)).min()


def _tensors(*arrays) -> list[Tensor]:
    return [torch.as_tensor(a).cpu() for a in arrays]


def solve(gram: Tensor, wanted: Tensor, *, nonnegative: bool = False, ridge: float = 0.0) -> Tensor:
    """argmin_w wᵀ(G + ridge·I)w − 2wᵀb (k,) float64, over w ≥ 0 if asked.

    G (k, k) is the Gram matrix of the picks, b (k,) their inner products with the target. A singular G (duplicate
    rows) is answered with the smallest jitter that makes it factor. O(k³).
    """
    gram, wanted = gram.double(), wanted.double()
    k = len(wanted)
    if k == 0:
        return wanted
    scale = float(gram.diagonal().mean()) or 1.0
    factor = None
    for jitter in (0.0, 1e-12, 1e-10, 1e-8, 1e-6):
        factor, failed = torch.linalg.cholesky_ex(
            gram + (ridge + jitter * scale) * torch.eye(k, dtype=torch.float64)
        )
        if not failed:
            break
    right = torch.linalg.solve_triangular(factor, wanted[:, None], upper=False)[:, 0]
    if not nonnegative:
        return torch.linalg.solve_triangular(factor.T, right[:, None], upper=True)[:, 0]
    from scipy.optimize import nnls

    weights, _ = nnls(factor.T.numpy(), right.numpy(), maxiter=10 * k + 100)
    return torch.from_numpy(weights)


def distances(vectors: Gradients, *, compiled: bool | None = None) -> Tensor:
    """Euclidean distances (n, n) float32, symmetric, 0 on the diagonal; near-duplicates without cancellation.

    Half of one matrix product: the upper triangle by panels of rows, mirrored. n²·(c + d) operations, 4 n² bytes.
    """
    norms = squared_norms(vectors)
    if compiled is False or vectors.device.type != "cpu":
        return _distances_torch(vectors, norms)
    from coreset_explore import kernels

    r, h, bias = factors(vectors)
    steps, n, d = h.shape
    out = torch.empty(n, n)
    columns = np.ascontiguousarray(r.transpose(0, 2, 1))
    size = max(1, min(int(STEP / (2 * n * d)), 2**23 // n + 1))
    for start in track(range(0, n, size), "distances"):
        for step in range(steps):
            own = torch.from_numpy(h[step])
            panel = (own[start : start + size] @ own[start:].T).numpy()
            kernels.distances(panel, step, r, h, columns[step], bias, norms.numpy(), start, out.numpy())
    return out


def _distances_torch(vectors: Gradients, norms: Tensor) -> Tensor:
    n = len(vectors)
    out = torch.empty(n, n, device=vectors.device)
    size = max(1, 2**24 // n)
    for start in track(range(0, n, size), "distances"):
        rows = slice(start, start + size)
        both = norms[rows, None] + norms[None]
        squared = vectors.gram(rows).float().mul_(-2).add_(both)
        a, b = (squared < 2**-7 * both).nonzero(as_tuple=True)
        for pairs in torch.stack([a, b]).split(2**16, dim=1):
            squared[pairs[0], pairs[1]] = squared_between(vectors[pairs[0] + start], vectors[pairs[1]])
        out[rows] = squared.clamp_min_(0).sqrt_()
    return out


def cover(
    matrix: Tensor, k: int, given: Tensor, *, compiled: bool | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Exact greedy facility location on a distance matrix (n, n): each pick lowers Σ_i min_{j ∈ S} d_ij the most.

    Before the first pick (and with nothing given) every row counts as far as the largest distance, so the first pick
    is the medoid. Returns picks (k,), what each saved (k,) and every row's nearest pick (n,), −1 for given ones.
    """
    n = len(matrix)
    nearest = matrix[given].min(0).values if len(given) else matrix.max().expand(n).clone()
    owner = torch.full((n,), -1, dtype=torch.int32)
    free = torch.ones(n, dtype=torch.bool)
    free[given] = False
    if compiled is False or matrix.device.type != "cpu":
        return _cover_torch(matrix, k, nearest, owner, free)
    from coreset_explore import kernels

    bound = np.zeros(n)
    rows = max(1, int(STEP / 20 / n))
    for start in track(range(0, n, rows), "first gains"):
        kernels.coverage_gains(matrix.numpy(), nearest.numpy(), start, min(start + rows, n), bound)
    order = torch.sort(torch.from_numpy(bound), descending=True, stable=True).indices
    heap = order[free[order]].numpy()
    picks, gains, made, size = np.zeros(k, dtype=np.int64), np.zeros(k), 0, len(heap)
    state = (matrix.numpy(), nearest.numpy(), owner.numpy(), heap)
    for target in track(range(k), "lazy greedy"):
        while made <= target:
            made, size = kernels.lazy_coverage(*state, size, bound, picks, gains, made, target + 1, rows)
            check()
    return torch.from_numpy(picks), torch.from_numpy(gains), owner


def _cover_torch(matrix, k, nearest, owner, free):
    """The same, every gain kept current: a pick changes only the rows that it comes nearer to."""
    n, device = len(matrix), matrix.device
    nearest, owner, free = nearest.clone(), owner.to(device), free.to(device)
    piece = max(1, 2**24 // n)
    gains = torch.zeros(n, dtype=torch.float64, device=device)
    for start in track(range(0, n, piece), "first gains"):
        gains += (
            (nearest[start : start + piece, None] - matrix[start : start + piece])
            .clamp_min_(0)
            .sum(0, dtype=torch.float64)
        )
    picks = torch.zeros(k, dtype=torch.int64, device=device)
    saved = torch.zeros(k, dtype=torch.float64, device=device)
    for made in track(range(k), "greedy"):
        row = _first_max(torch.where(free, gains, -torch.inf))
        picks[made], saved[made], free[row] = row, gains[row], False
        changed = (matrix[row] < nearest).nonzero().flatten()
        for part in changed.split(piece):
            old, new, far = nearest[part, None], matrix[row, part, None], matrix[part]
            gains -= ((old - far).clamp_min_(0) - (new - far).clamp_min_(0)).sum(0, dtype=torch.float64)
        nearest[changed], owner[changed] = matrix[row, changed], made
        owner[row] = made
    return picks.cpu(), saved.cpu(), owner.cpu()
