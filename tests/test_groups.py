"""LSH and product codes, bounds against every pair of row and group, the greedy over groups against a plain loop."""

import numpy as np
import pytest
import torch

from coreset_explore import Cancelled, listening
from coreset_explore import groups as grouping
from coreset_explore.groups.bounds import group_maxima
from coreset_explore.neighbors import lsh, pq

NONE = torch.tensor([], dtype=torch.int64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clustered(n=150, d=7, seed=0):
    rng = seeded(seed)
    return 3 * torch.randn(12, d, generator=rng)[torch.arange(n) % 12] + torch.randn(n, d, generator=rng) + 20


def grouped(x, most=30, how="lsh"):
    return grouping.group(x, how, seeded(1), bits=10, most=most)


def bounds(x, groups, centroids=16):
    cut = {"subspaces": 3, "centroids": centroids}
    return {
        "centroid": grouping.Centers(x, groups),
        "true": grouping.Products(x, groups, seeded(2), true=True, **cut),
        "paper": grouping.Products(x, groups, seeded(2), true=False, **cut),
        "hull": grouping.Hulls(x, groups),
    }


def farthest_members(x, groups):
    """s_it (n, G) by every pair, in float64."""
    apart = (x.double()[:, None] - x.double()[None]).norm(dim=2)
    return torch.stack([apart[:, groups.label == t].max(1).values for t in range(len(groups))], 1)


@pytest.mark.parametrize("at", ["median", "mean"])
def test_hyperplane_codes_halve_rows_that_lie_far_from_zero(at):
    x = clustered()
    code = lsh(x, 8, seeded(), at)
    planes = torch.randn(8, 7, generator=seeded())
    sides = x @ planes.T
    cut = sides.median(0).values if at == "median" else sides.mean(0)
    wanted = ((sides > cut).long() * 2 ** torch.arange(7, -1, -1)).sum(1)
    assert (code == wanted).float().mean() > 0.99  # a row may lie on a plane
    if at == "median":
        for bit in range(8):
            assert abs(float(((code >> bit) & 1).float().mean()) - 0.5) < 0.01
    assert len(((x @ planes.T) > 0).unique(dim=0)) < len(code.unique())  # as public code cuts


def test_constant_features_and_one_row_have_one_code():
    assert lsh(torch.ones(9, 3), 12, seeded()).tolist() == [0] * 9
    assert lsh(torch.randn(1, 3, generator=seeded()), 62, seeded()).tolist() == [0]
    with pytest.raises(ValueError, match="63 bits"):
        lsh(torch.ones(2, 2), 63, seeded())


def test_product_codes_name_the_nearest_codeword_of_each_subspace():
    x = clustered()
    books, code = pq(x, 3, 16, seeded())
    assert [book.shape for book in books] == [(16, 3), (16, 2), (16, 2)] and code.dtype == torch.uint8
    for book, part, column in zip(books, x.tensor_split(3, 1), code.T, strict=True):
        apart = torch.cdist(part.double(), book.double())
        chosen = apart.gather(1, column.long()[:, None])[:, 0]
        torch.testing.assert_close(chosen, apart.min(1).values, rtol=1e-5, atol=1e-5)


def test_fewer_rows_than_centroids_and_fewer_features_than_subspaces():
    x = torch.randn(5, 2, generator=seeded())
    books, code = pq(x, 8, 256, seeded())
    assert [book.shape for book in books] == [(5, 1), (5, 1)] and code.shape == (5, 2)
    again = torch.cat([book[c] for book, c in zip(books, code.T.long(), strict=True)], 1)
    torch.testing.assert_close(again, x)
    with pytest.raises(ValueError, match="one byte"):
        pq(x, 2, 257, seeded())


@pytest.mark.parametrize("how", ["lsh", "kmeans"])
@pytest.mark.parametrize("most", [1, 20, 1000])
def test_groups_are_a_partition_no_larger_than_asked(how, most):
    x = clustered()
    groups = grouped(x, most, how)
    assert len(groups) <= most and groups.sizes.sum() == len(x)
    assert groups.label.bincount().tolist() == groups.sizes.tolist() and (groups.sizes > 0).all()
    if how == "lsh":
        whole = lsh(x, 10, seeded(1))
        assert len(groups) == len((whole >> (10 - groups.planes)).unique())
        assert groups.planes == 10 or len((whole >> (9 - groups.planes)).unique()) > most
        same = groups.label[:, None] == groups.label[None]
        code = whole >> (10 - groups.planes)
        assert torch.equal(same, code[:, None] == code[None])


@pytest.mark.parametrize("name", ["centroid", "true", "hull"])
@pytest.mark.parametrize("seed", range(3))
def test_a_true_bound_is_never_below_the_farthest_member(name, seed):
    x = clustered(seed=seed)
    groups = grouped(x)
    for centroids in (2, 16, 256):
        u = bounds(x, groups, centroids)[name].lines(torch.arange(len(x))).double()
        s = farthest_members(x, groups)
        assert (u >= s * (1 - 1e-6)).all(), f"{float((s - u).max())} below"
    if name == "true":
        assert (u >= s).all()


def test_the_papers_bound_may_lie_below_as_it_forgets_what_quantization_loses():
    x = clustered()
    groups = grouped(x)
    cut = {"subspaces": 1, "centroids": 4}
    s, rows = farthest_members(x, groups), torch.arange(len(x))
    paper = grouping.Products(x, groups, seeded(), true=False, **cut).lines(rows)
    true = grouping.Products(x, groups, seeded(), true=True, **cut).lines(rows)
    assert (paper < s).double().mean() > 0.2 and (true >= s).all()


def test_product_bounds_are_what_their_formulas_say():
    x = clustered()
    groups = grouped(x)
    books, code = pq(x, 3, 16, seeded(2))
    per_cut = [
        torch.cdist(b.double(), b.double())[c][:, c] for b, c in zip(books, code.T.long(), strict=True)
    ]
    quantized = torch.cat([b[c] for b, c in zip(books, code.T.long(), strict=True)], 1)
    lost = (x - quantized).norm(dim=1).double()
    paper, true = [], []
    for t in range(len(groups)):
        held = groups.label == t
        far = torch.stack([apart[:, held].max(1).values for apart in per_cut])
        paper.append(far.sum(0))
        true.append(far.square().sum(0).sqrt() + lost + lost[held].max())
    found = bounds(x, groups)
    for name, wanted in {"paper": paper, "true": true}.items():
        lines = found[name].lines(torch.arange(len(x))).double()
        torch.testing.assert_close(lines, torch.stack(wanted, 1), rtol=2e-5, atol=1e-5)


def test_hull_bounds_are_the_farthest_member_in_each_pair_of_features():
    x = clustered()
    x[5:15] = x[5]  # duplicates, and a group on a line
    x[40:60, :2] = torch.arange(20.0)[:, None]
    groups = grouped(x)
    padded = torch.cat([x, torch.zeros(len(x), 1)], 1).reshape(len(x), 4, 2)
    wanted = sum(farthest_members(padded[:, l], groups) for l in range(4))
    hulls = grouping.Hulls(x, groups)
    torch.testing.assert_close(hulls.lines(torch.arange(len(x))).double(), wanted, rtol=1e-6, atol=1e-6)
    assert sum(map(len, hulls.corners)) < 4 * len(x) * 0.9


def test_hull_corners_are_scipys():
    from scipy.spatial import ConvexHull

    x = torch.randn(80, 2, generator=seeded())
    one = grouping.Groups(torch.zeros(80, dtype=torch.int64), torch.tensor([80]))
    corners = grouping.Hulls(x, one).corners[0]
    wanted = x.double().numpy()[ConvexHull(x.double().numpy()).vertices]
    assert {tuple(v) for v in corners} == {tuple(v) for v in wanted} and len(corners) == len(wanted)


@pytest.mark.parametrize("name", ["centroid", "true", "paper", "hull"])
def test_no_line_is_above_the_ceiling_and_lines_come_in_any_portion(name):
    x = clustered()
    bound = bounds(x, grouped(x))[name]
    every = bound.lines(torch.arange(len(x)))
    assert (every <= bound.ceiling()).all()
    torch.testing.assert_close(bound.lines(torch.tensor([3, 99])), every[[3, 99]], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["centroid", "true", "paper"])
def test_compiled_loops_equal_plain_tensor_operations(name):
    x = clustered()
    groups = grouped(x)
    bound, rows = bounds(x, groups)[name], torch.arange(len(x))
    fast = bound.lines(rows)
    bound.compiled = False
    rounding = 1e-3 if name == "centroid" else 1e-6  # products in float32, made no smaller than the distance
    torch.testing.assert_close(fast, bound.lines(rows), rtol=rounding, atol=1e-6)
    sizes = groups.sizes.float()
    one, two = (grouping.savings(fast, sizes, bound.ceiling(), compiled) for compiled in (True, False))
    torch.testing.assert_close(one, two, rtol=1e-5, atol=0)


def test_compiled_maxima_over_groups_equal_plain_tensor_operations():
    groups, code = grouped(clustered()), torch.randint(9, (150,), generator=seeded())
    between = torch.rand(9, 9, generator=seeded())
    between = between + between.T
    one, two = torch.zeros(2, 9, len(groups))
    group_maxima(between, code, groups, one, True)
    group_maxima(between, code, groups, two, False)
    wanted = [between[:, code[groups.label == t]].max(1).values for t in range(len(groups))]
    assert torch.equal(one, torch.stack(wanted, 1)) and torch.equal(one, two)


def plain(lines, sizes, ceiling, k, rng, sample, given=()):
    """The paper's three loops, in float64 on all bounds, with the same draws."""
    lines, sizes = lines.double(), sizes.double()
    left = [i for i in range(len(lines)) if i not in given]
    nearest = torch.stack([ceiling.double(), *lines[list(given)]]).min(0).values
    picks = []
    for _ in range(k):
        drawn = left
        if len(left) > sample:
            drawn = [left[i] for i in torch.randint(len(left), (sample,), generator=rng)]
        drawn = sorted(set(drawn))
        gains = torch.stack([((nearest - torch.minimum(nearest, lines[i])) * sizes).sum() for i in drawn])
        best = drawn[int((gains >= gains.max() * (1 - 1e-6)).nonzero()[0, 0])]
        picks.append(best)
        nearest = torch.minimum(nearest, lines[best])
        left[left.index(best)] = left[-1]
        left.pop()
    owner = lines[picks].argmin(0)
    return picks, owner


@pytest.mark.parametrize("name", ["centroid", "true", "paper", "hull"])
@pytest.mark.parametrize("sample", [10, 1000])
@pytest.mark.parametrize("given", [[], [4, 77, 120]])
def test_the_greedy_equals_the_plain_loop(name, sample, given):
    x = clustered()
    groups = grouped(x)
    bound = bounds(x, groups)[name]
    picks, gains, owner = grouping.cover(
        bound, groups, 20, seeded(9), sample, torch.tensor(given, dtype=torch.int64)
    )
    lines = bound.lines(torch.arange(len(x)))
    wanted, owners = plain(lines, groups.sizes, bound.ceiling(), 20, seeded(9), sample, given)
    assert picks.tolist() == wanted
    mine, theirs = (
        lines[picks[owner], torch.arange(len(groups))],
        lines[picks[owners], torch.arange(len(groups))],
    )
    torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
    if sample == 1000:
        assert (gains.diff() <= gains[0] * 1e-6).all(), "with every candidate looked at, gains only shrink"


def test_group_sizes_count_in_what_a_pick_saves():
    """Nine rows at 0, one each at 10 and 20: the first pick is where the nine are; without sizes it is between."""
    x = torch.tensor([[0.0]] * 9 + [[10.0], [20.0]])
    groups = grouping.Groups(torch.tensor([0] * 9 + [1, 2]), torch.tensor([9, 1, 1]))
    picks, _, _ = grouping.cover(grouping.Centers(x, groups), groups, 1, seeded(), 100, NONE)
    even = grouping.Groups(groups.label, torch.tensor([1, 1, 1]))
    assert (
        x[picks[0]] == 0
        and x[grouping.cover(grouping.Centers(x, groups), even, 1, seeded(), 100, NONE)[0][0]] == 10
    )


def test_the_error_of_a_bound_is_its_mean_relative_distance():
    x = clustered()
    groups = grouped(x, 8)
    found = bounds(x, groups)
    s = farthest_members(x, groups)
    for name in found:
        every = ((found[name].lines(torch.arange(len(x))) - s).abs() / s).mean()
        assert grouping.error(found[name], x, groups, seeded(), pairs=len(x)) == pytest.approx(
            float(every), rel=1e-4
        )
    assert grouping.error(grouping.Centers(x[:1], grouped(x[:1])), x[:1], grouped(x[:1]), seeded()) is None


@pytest.mark.parametrize("name", ["centroid", "true", "paper", "hull"])
def test_the_greedy_can_be_stopped(name):
    x = clustered()
    groups = grouped(x)
    bound = bounds(x, groups)[name]
    with listening(should_stop=lambda: True), pytest.raises(Cancelled):
        grouping.cover(bound, groups, 5, seeded(), 10, NONE)


def test_global_generators_are_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    x = clustered()
    groups = grouped(x, how="kmeans")
    grouping.cover(bounds(x, groups)["true"], groups, 3, seeded(), 10, NONE)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002
