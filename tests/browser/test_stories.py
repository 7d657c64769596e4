"""From the first cell to an exported file: scrubbing, a new kernel, Code, Export, keys, one's own method."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
from playwright.sync_api import expect

from tests.browser.checks import misfits
from tests.browser.panel import (
    CELL,
    PICKS,
    RING,
    budget,
    cells,
    control,
    dots_settle,
    opened,
    press,
    tab,
    until,
)
from tests.browser.servers import environment

FOCUSED = """() => {
    const held = document.activeElement;
    return held.closest(".cx") && `${held.className} ${held.innerText}`;
}"""
HEARD = """
import threading
heard = []
panel.session.observe(lambda change: heard.append(threading.current_thread().name))
"""
WEIGHTS = "panel.selection.weights.tolist()"


def test_scrub_and_a_new_kernel(notebook):
    book = opened(notebook, RING)
    budgets = book.kernel("panel.session.result.budgets")
    dots_settle(book.page, budgets[-1])
    for j in (0, 2, 1, len(budgets) - 2):
        dots_settle(book.page, budget(book, j))
        assert book.kernel("len(panel.selection)") == budgets[j]

    book.restart_kernel()
    gone = book.page.locator(".cx.jupyter-widgets-disconnected")
    expect(gone).to_have_count(1)
    said = gone.evaluate("panel => getComputedStyle(panel, '::before').content")
    assert "run the cell again" in said
    book.run_all()
    book.wait_state("done")
    dots_settle(book.page, budgets[-1])
    dots_settle(book.page, budget(book, 0))


def test_the_keyboard_reaches_everything(notebook):
    book = opened(notebook)
    page = book.page
    control(book, "Dataset").focus()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1] and "cx-act" in reached[-1]:
            break
    assert "cx-act" in reached[-1], reached
    assert any("noUi-handle" in (one or "") for one in reached), "the slider comes before the button"
    book.execute(HEARD)
    seed = control(book, "Seed")
    seed.fill("1")
    seed.press("Enter")
    expect(page.locator(".cx-status")).to_have_text("Settings changed")
    before = book.kernel(PICKS)
    page.locator(".cx-act").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cx-status")).to_contain_text("Selected in", timeout=60_000)
    assert book.kernel("panel.selections['Random'].info['seed']") == 1 and book.kernel(PICKS) != before

    threads = book.kernel("heard")
    assert set(threads) == {"MainThread"}, "what the page says is heard on one thread, beside the answers"

    tab(book, "Images")
    gallery = page.locator(".cx-images-gallery")
    expect(gallery.locator(".cx-cell").first).to_be_visible()
    first = cells(gallery)[:3]
    gallery.locator(".cx-cell").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => Number(document.activeElement.dataset.row)") == first[2]
    page.keyboard.press("Enter")  # opens it
    page.get_by_role("dialog").get_by_role("button", name="Show on the map what it stands for").click()
    expect(page.locator(".cx-strip-head")).to_contain_text("represents")
    assert book.kernel("panel.session.focus") == ("click", (first[2],))


def test_export_and_code_give_what_is_on_the_screen(notebook):
    book = opened(notebook)
    page = book.page
    budget(book, 5)
    picks, weights = book.kernel(PICKS), book.kernel(WEIGHTS)
    press(book, "Export")
    pop = page.locator(".cx-pop.cx-slim")
    for form in ("npz", "parquet", "csv"):
        named = "Table of picks, .csv" if form == "csv" else f"Selection, .{form}"
        pop.get_by_label("As", exact=True).select_option(label=named)
        pop.get_by_role("button", name="Save").click()
        expect(pop.locator(".cx-saved")).to_contain_text(f"facility_location_{len(picks)}.{form}")
        with page.expect_download() as download:
            pop.get_by_role("link", name="Download").click()
        written = next(book.root.rglob(f"facility_location_{len(picks)}.{form}"))
        assert download.value.path().read_bytes() == written.read_bytes()
        if form == "npz":
            with np.load(written) as held:
                found = held["indices"], held["weights"]
        else:
            frame = pd.read_parquet(written) if form == "parquet" else pd.read_csv(written)
            found = frame["index"], frame["weight"]
        assert found[0].tolist() == picks
        np.testing.assert_allclose(found[1], weights, rtol=1e-6)

    press(book, "Code")
    expect(pop).to_be_hidden()
    page.locator(".cx-code").get_by_role("button", name="Copy").click()
    expect(page.locator(".cx-code [role=status]")).to_have_text("Copied")
    code = page.evaluate("() => navigator.clipboard.readText()")
    assert code == book.kernel("panel.code")
    script = f"{code}\nimport json; chosen = facility_location\n"
    script += "print(json.dumps([chosen.indices.tolist(), chosen.weights.tolist()]))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(book.root),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout.splitlines()[-1])
    assert again[0] == picks
    np.testing.assert_allclose(again[1], weights, rtol=1e-6)


METHOD = '''
from typing import Annotated
import torch
import coreset_explore as cx

@cx.selector(needs="emb", nested=True, title="Closest to the mean")
def closest(pool, k, *, rng, given=(), power: Annotated[float, cx.Range(0.5, 4), "of the distance"] = 2.0):
    """The rows closest to the mean."""
    distance = (pool.emb - pool.emb.mean(0)).norm(dim=1) ** power
    return cx.Selection(torch.argsort(distance)[:k])
'''
FIRST = "panel.selections['Closest to the mean'].indices.tolist()"


def test_ones_own_method_from_a_cell_has_its_form_and_its_errors_are_shown(notebook):
    book = opened(notebook, CELL, METHOD, METHOD)
    page = book.page
    press(book, "+ Add a method")
    card = page.locator(".cx-card-box").filter(has_text="I want to")
    control(book, "I want to").select_option(
        label=book.kernel("__import__('coreset_explore.registry', fromlist=['x']).PURPOSES['own']")
    )
    named = control(book, "Method").locator("option", has_text="Closest to the mean")
    expect(named).to_have_count(1)  # two runs of the cell are one method
    control(book, "Method").select_option(label="Closest to the mean")
    expect(card).to_contain_text("The rows closest to the mean.")
    card.get_by_role("button", name="Add", exact=True).click()
    page.get_by_title("Settings of Closest to the mean").click()
    power = control(book, "power")
    assert [power.get_attribute(name) for name in ("min", "max")] == ["0.5", "4"]
    assert float(power.input_value()) == 2.0
    press(book, "Select again")
    expect(page.locator(".cx-status")).to_contain_text("Selected in", timeout=60_000)
    wanted = (
        "cx.select('closest', panel.session.result.pool, panel.session.budget, show=False).indices.tolist()"
    )
    nearest = book.kernel(FIRST)
    assert nearest == book.kernel(wanted)

    # The cell is changed and run again: what was kept of the old function does not answer for the new one.
    book.execute(METHOD.replace("[:k]", ".flip(0)[:k]"))
    book.execute("earlier = panel.session.result")
    press(book, "Select")
    until(book, "panel.session.result is not earlier and panel.session.status == 'done'")
    farthest = book.kernel(FIRST)
    assert farthest == book.kernel(wanted) and farthest != nearest

    book.execute(
        METHOD.replace("    distance =", "    raise ValueError('too <few> rows; give more')\n    distance =")
    )
    power.fill("1")
    power.press("Enter")
    press(book, "Select again")
    box = page.locator(".cx-method-box").filter(has_text="Closest to the mean")
    expect(box).to_contain_text("Closest to the mean: too <few> rows.")
    expect(box).to_contain_text("Give more.")
    book.wait_state("done")  # it stops none of the others
    assert misfits(page) == []

    book.execute(
        "from dataclasses import replace\nfrom widgets.explorer.chosen import change\n"
        "mine = panel.session.choices[-1]"
    )
    book.execute("change(panel.session, mine.name, replace(mine, params={'powr': 1.0}))")
    press(book, "Select again")
    book.wait_state("error")  # settings that nothing could run with
    expect(page.locator(".cx-problem")).to_contain_text("powr")
    expect(page.locator(".cx-problem")).to_contain_text("power")
