"""Tests that a missing browser or missing data leave out are counted, and fail where they are required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BROWSER_TEST = "tests/browser/test_harness.py::test_webgl_draws"
DATA_TEST = "tests/test_left_out.py::test_the_named_folder_of_real_data_is_there"


def run(test: str, **variables: str) -> subprocess.CompletedProcess:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CORESET_", "PYTEST_"))
    }
    # Without the plugins that are installed here, which take five seconds of each start and have no part in this.
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    return subprocess.run(
        command, cwd=ROOT, env=inherited | variables, capture_output=True, text=True, timeout=120
    )


@pytest.mark.data("fashion-mnist")
def test_the_named_folder_of_real_data_is_there(data_folder):
    assert any((data_folder / "fashion-mnist").iterdir())


def test_no_browser_leaves_out_and_says_so():
    done = run(BROWSER_TEST, CHROMIUM="/no/such/browser")
    assert done.returncode == 0, done.stdout
    assert "Left out: 1 browser tests, in tests/browser/test_harness.py" in done.stdout


@pytest.mark.parametrize(
    ("test", "kind", "missing"),
    [
        (BROWSER_TEST, "browser", {"CHROMIUM": "/no/such/browser"}),
        (DATA_TEST, "data", {"CORESET_DATA": "/no/such/data"}),
    ],
)
def test_what_is_required_fails_instead(test, kind, missing):
    done = run(test, CORESET_REQUIRE=f"other {kind}", **missing)
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout or "1 error" in done.stdout
    assert "CORESET_REQUIRE asks for it" in done.stdout
