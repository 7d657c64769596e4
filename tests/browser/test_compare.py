"""Compare in Chromium: four counts, strips and Jaccard against sets computed in the kernel."""

from playwright.sync_api import expect

from tests.browser.checks import misfits
from tests.browser.panel import budget, cells, opened, tab

SETS = """
def held():
    s, j = panel.session, panel.session.j
    return [s.result.runs[name].at[j].indices.tolist() for name in (s.compare_a, s.compare_b)]
"""


def counts(book) -> dict[str, int]:
    found = book.page.locator(".cx-overlap")
    return {name: int(found.get_attribute(f"data-{name}")) for name in ("a", "both", "b", "neither")}


def algebra(a: list[int], b: list[int], n: int) -> dict[str, int]:
    one, two = set(a), set(b)
    return {"a": len(one - two), "both": len(one & two), "b": len(two - one), "neither": n - len(one | two)}


def check(book, k: int) -> list[list[int]]:
    """The page's counts, Jaccard and strips at budget k are what the two selections' sets say."""
    expect(book.page.locator(".cx-compare-side")).to_contain_text(f"Overlap at {k:,} images")
    a, b = book.kernel("held()")
    assert len(a) == len(b) == k
    wanted = algebra(a, b, book.kernel("panel.session.result.n"))
    assert counts(book) == wanted
    union = wanted["a"] + wanted["both"] + wanted["b"]
    expect(book.page.locator(".cx-compare-side .cx-num").first).to_have_text(f"{wanted['both'] / union:.3f}")
    only = [[row for row in one if row not in other][:16] for one, other in ((a, set(b)), (b, set(a)))]
    strips = book.page.locator(".cx-compare .cx-gallery .cx-section")
    expect(strips).to_have_count(2)
    expect(strips.nth(0).locator(".cx-cell").first).to_have_attribute("data-row", str(only[0][0]))
    assert [cells(strip) for strip in strips.all()] == only
    return only


def test_compare_counts_are_set_algebra_and_swap_exchanges_them(notebook):
    book = opened(notebook)
    book.execute(SETS)
    tab(book, "Compare")
    last = book.kernel("len(panel.session.result.budgets)") - 1
    for j in (last, last // 2, 2):
        k = budget(book, j)
        only = check(book, k)
    before = counts(book)
    book.page.get_by_role("button", name="Swap", exact=True).click()
    first = book.page.locator(".cx-compare .cx-section .cx-cell").first
    expect(first).to_have_attribute("data-row", str(only[1][0]))
    assert check(book, k) == only[::-1]
    assert counts(book) == {**before, "a": before["b"], "b": before["a"]}
    assert misfits(book.page) == []
