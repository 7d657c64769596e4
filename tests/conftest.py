"""What every test shares: one thread each, no foreign caches, and an account of what was left out."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports torch or numpy: two busy threads can be ten times slower than one.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A gate gives the same answer twice: the same examples every time. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("gate", derandomize=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

DATA = os.environ.get("CORESET_DATA", "")
REQUIRED = set(os.environ.get("CORESET_REQUIRE", "").split())  # kinds of test that must not be left out
KINDS = ("browser", "data")
BROWSER = "tests/browser/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests start first, since they take longest; then the slow ones, so that none is left over at the end."""
    for item in items:
        if item.nodeid.startswith(BROWSER):
            item.add_marker("browser")
    for kind in ("slow", "browser"):
        items.sort(key=lambda item: item.get_closest_marker(kind) is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is there by now, thousands of tests and all imports, stays to the end: no collection looks at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Browser tests share one worker, with one JupyterLab and one Chromium; others go where there is room."""
    from xdist.scheduler import LoadScopeScheduling

    class OneBrowser(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER if nodeid.startswith(BROWSER) else nodeid

    return OneBrowser(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.data("cifar10")` runs where CORESET_DATA holds that folder, and is left out elsewhere."""
    for marker in item.iter_markers("data"):
        if not DATA:
            pytest.skip("CORESET_DATA names no folder of real datasets")
        for name in marker.args:
            if not (Path(DATA) / name).is_dir():
                pytest.skip(f"CORESET_DATA has no folder {name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Where CORESET_REQUIRE names a kind of test, leaving one of that kind out is a failure."""
    report = yield
    kinds = [kind for kind in KINDS if item.get_closest_marker(kind)]
    report.user_properties.append(("kinds", " ".join(kinds)))
    if report.skipped and not hasattr(report, "wasxfail") and REQUIRED & set(kinds):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out ({reason}) and CORESET_REQUIRE asks for it"
    return report


def pytest_terminal_summary(terminalreporter) -> None:
    """Say which tests a missing browser or missing data left out."""
    for kind in KINDS:
        out = [
            r
            for r in terminalreporter.stats.get("skipped", [])
            if dict(r.user_properties).get("kinds") == kind
        ]
        if out:
            names = ", ".join(sorted({report.nodeid.split("::")[0] for report in out}))
            terminalreporter.write_line(f"Left out: {len(out)} {kind} tests, in {names}")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real datasets; for tests marked `data`."""
    return Path(DATA)
