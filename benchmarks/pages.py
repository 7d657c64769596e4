"""Tables of results as Markdown, and where they stand in benchmarks/README.md."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).with_name("README.md")
AS_IT_IS = ("gradient error", "log10")  # claims about no share, so that nothing is in points


def grid(rows: list[list[str]]) -> list[str]:
    """A Markdown table; the first row is its head, numbers stand at the right."""
    head, *body = rows
    align = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(row)} |" for row in (head, align, *body)]


def judged(claims: list[dict]) -> list[str]:
    """A row a claim: the paired difference in points, its interval, the verdict."""
    made = [["claim", "by", "found", "95 %", "it"]]
    for claim in claims:
        known = "difference" in claim
        scale = 1 if any(word in claim["claim"] for word in AS_IT_IS) else 100
        found = f"{scale * claim['difference']:+.2f}" if known else "–"
        interval = f"{scale * claim['low']:+.2f} to {scale * claim['high']:+.2f}" if known else "–"
        made.append([claim["claim"], claim["paper"], found, interval, claim["says"]])
    return grid(made)


def fill(mark: str, lines: list[str]) -> None:
    """Write the lines between <!-- mark --> and <!-- /mark --> of the README, in place of what stands there."""
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, _, rest = README.read_text().partition(start)
    README.write_text(f"{before}{start}\n{chr(10).join(lines)}\n{end}{rest.partition(end)[2]}")
