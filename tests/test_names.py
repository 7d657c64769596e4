"""Names and thresholds of numbers, and colors: each stands once."""

import re
from pathlib import Path

from coreset_explore import measures, projection
from coreset_explore.plots import palette
from tests import panels
from widgets.explorer.map_toolbar import LAYOUTS
from widgets.kit.shell import stylesheet


def test_what_numbers_are_called_and_how_they_are_written():
    error, size, accuracy = (
        measures.NUMBERS[name] for name in ("gradient_error", "effective_size", "accuracy")
    )
    assert (error.name, error.title, error.short) == ("gradient error", "Gradient error", "gradient error ↓")
    assert error.axis == "Gradient error, lower is better"
    assert accuracy.axis == "Test accuracy, higher is better" and accuracy.title == "Accuracy"
    assert size.short == size.name == "effective size"
    assert [error.write(0.012345), size.write(1234.5), accuracy.write(0.931), error.write(None)] == [
        "0.0123",
        "1,234",
        "93.1 %",
        "–",
    ]
    assert [error.write(4738.6), error.write(999.6), error.write(2.5e7)] == ["4,739", "1,000", "2.5e+07"]


def test_every_number_of_a_run_has_a_name():
    run = panels.run_of(panels.pool_of(), "CRAIG", 0)
    assert set(run.numbers) <= set(measures.NUMBERS)


def test_a_fact_about_numbers_stands_once():
    """Names and thresholds are the table's: who writes one out again will not hear of a change."""
    root = Path(measures.__file__).parents[2]
    table = root / "coreset_explore" / "measures" / "names.py"
    said = {number.axis for number in measures.NUMBERS.values() if number.less is not None}
    said |= {number.short for number in measures.NUMBERS.values() if number.less is not None}
    files = [*(root / "coreset_explore").rglob("*.py"), *(root / "widgets").rglob("*.py")]
    again = [
        (file.name, words) for file in files if file != table for words in said if words in file.read_text()
    ]
    assert again == []
    assert [file.name for file in files if re.search(r"^THIN = ", file.read_text(), re.M)] == ["selection.py"]


def test_the_panels_layouts_and_colors_are_the_librarys():
    assert LAYOUTS == tuple(projection.NAMES.values())
    style = stylesheet([])
    for name in ("accent", "error", "muted", "done"):
        for dark in (False, True):
            assert style.count(palette.ink(name, dark)) == 1, f"{name} stands in the style a second time"
