"""The checks by themselves, on pages whose answer is known."""

import numpy as np
import pytest

from tests.browser.checks import blobs, misfits, pixels

FITS = '<div class="cx" style="width:300px"><p>short</p><button>Select</button></div>'


@pytest.mark.parametrize(
    ("inner", "what"),
    [
        (
            '<div style="width:80px;overflow:hidden;white-space:nowrap">a caption that is far too long</div>',
            "across",
        ),
        ('<div style="height:20px;overflow:auto">one<br>two<br>three</div>', "down"),
        ('<div style="width:400px">wider than the panel</div>', "sticks out"),
    ],
)
def test_what_does_not_fit_is_found_and_what_fits_is_not(page, inner, what):
    page.set_content(FITS)
    assert misfits(page) == []
    page.set_content(FITS.replace("<p>short</p>", inner))
    found = misfits(page)
    assert len(found) == 1 and what in found[0]


def test_dots_are_counted_as_they_are_painted(page):
    dot = '<circle cx="{}" cy="{}" r="3" fill="rgb(255,0,0)"/>'
    places = [(10, 10), (30, 10), (50, 40), (90, 90)]
    page.set_content(f'<svg width="100" height="100">{"".join(dot.format(*place) for place in places)}</svg>')
    picture = pixels(page.locator("svg"))
    assert picture.shape == (100, 100, 3)
    assert blobs((picture == [255, 0, 0]).all(axis=2)) == len(places)
    assert blobs(np.zeros((5, 5), bool)) == 0
