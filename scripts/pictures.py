"""Take the walkthrough's and the README's pictures anew: the panel in a Chromium, the figures by matplotlib.

`python scripts/pictures.py [name ...]`; the README's needs CORESET_DATA with Fashion-MNIST.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
IMAGES = ROOT / "notebooks" / "images"
OWN = """
import torch
from widgets import explore
rng = torch.Generator().manual_seed(0)
names = ["river", "road", "roof"]
X = torch.randn(3, 16, generator=rng).mul(3)[torch.arange(600) % 3] + torch.randn(600, 16, generator=rng)
y, files = [names[i % 3] for i in range(600)], [f"tiles/{i:04d}.tif" for i in range(600)]
panel = explore((X, y), files=files, methods=["k-Center", "CRAIG", "Random"], k_max=60)
panel
"""
PANELS = {
    "1_picked": "from widgets import explore\npanel = explore()\npanel",
    "5_own": OWN,
    "panel": "from widgets import explore\npanel = explore('fashion-mnist', methods=['CRAIG', "
    "'GRAD-MATCH per class', 'Random'])\npanel",
}


def panels(names: list[str]) -> None:
    """The panel of each name, on the map that it settles on."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import find
    from tests.browser.conftest import FLAGS
    from tests.browser.lab import Console, Notebook
    from tests.browser.servers import jupyterlab

    folder = Path(tempfile.mkdtemp())
    with jupyterlab(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*FLAGS, "--no-sandbox"])
        for name in names:
            page = browser.new_context(viewport={"width": 1440, "height": 1200}).new_page()
            console = Console().listen(page)
            book = Notebook.open(page, address, folder, [PANELS[name]], f"{name}.ipynb", console)
            book.run_all()
            book.wait_state("done", timeout=600)
            page.wait_for_function(
                "() => document.querySelector('.cx')?.innerText.includes('shown in UMAP')", timeout=300_000
            )
            page.wait_for_timeout(4000)
            page.locator(".cx").first.screenshot(path=IMAGES / f"{name}.png")
            book.close()
            page.context.close()
        browser.close()


def figures() -> None:
    """What the walkthrough's library cells draw."""
    import coreset_explore as cx
    from coreset_explore import measures, plots

    pool = cx.signals(cx.load("digits"), epochs=5, seed=0)
    craig, random = (cx.select(name, pool, 72, wrap=[("per_class", {})]) for name in ("craig", "random"))
    budgets = [10, 18, 36, 72]
    both = {"CRAIG": craig, "Random": random}
    paths = {name: measures.gradient_path(pool, chosen, budgets) for name, chosen in both.items()}
    frame = cx.accuracy_curve(pool, ["CRAIG"], budgets, seeds=3, show=False)
    drawn = {
        "2_compare": plots.compare(cx.project(pool), craig, random),
        "3_budget": plots.curves(frame, paths),
        "4_weights": plots.weights(craig),
    }
    for name, figure in drawn.items():
        figure.savefig(IMAGES / f"{name}.png", dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    figures()
    panels(sys.argv[1:] or list(PANELS))
