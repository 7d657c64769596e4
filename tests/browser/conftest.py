"""Fixtures of the browser stories: one Chromium, one JupyterLab and one page for all, a kernel for each."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import find
from tests.browser.desk import Desk, new_page
from tests.browser.lab import Console, Notebook
from tests.browser.servers import jupyterlab, voila, warm_kernels, write_notebook

FLAGS = [
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)  # not the 5 s of playwright: a busy machine may take them for a click
FAILED = pytest.StashKey[bool]()


# Package scope, not session: playwright keeps an event loop running in its thread while it lives, and tests
# elsewhere that run one of their own would meet it.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = find()
    if path is None:
        pytest.skip("no Chromium was found (the variable CHROMIUM can name one)")
    flags = FLAGS + (["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab_root(tmp_path_factory) -> Path:
    """The folder that JupyterLab serves."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="package")
def lab(lab_root: Path, chromium: Browser) -> Iterator[str]:
    """The address of a running JupyterLab."""
    with jupyterlab(lab_root) as address:
        yield address


@pytest.fixture(scope="package")
def warm(lab_root: Path) -> Iterator[str]:
    """The name of the kernels that begin with their imports done."""
    with warm_kernels(lab_root) as name:
        yield name


@pytest.fixture(scope="package")
def desk(lab: str, chromium: Browser) -> Iterator[Desk]:
    desk = Desk(chromium, lab)
    yield desk
    desk.drop()


@pytest.fixture(scope="package")
def behind() -> Iterator[Callable]:
    """`behind(call)` makes a call while the next story runs already; what it raised is told at the end."""
    with ThreadPoolExecutor(1) as thread:
        waiting: list[Future] = []
        yield lambda call: waiting.append(thread.submit(call))
    for call in waiting:
        call.result()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page, 1440 x 1000, with a clipboard that may be read."""
    page = new_page(chromium)
    yield page
    page.context.close()


@pytest.fixture
def console(page: Page) -> Console:
    """What the page's console said that is an error."""
    return Console().listen(page)


@pytest.fixture
def notebook(
    warm: str, lab: str, lab_root: Path, desk: Desk, behind: Callable, request
) -> Iterator[Callable[..., Notebook]]:
    """`notebook("cell", "cell", …)` opens a new notebook with a kernel of its own, in the page that stories share.

    Its console must be free of errors at the end.
    """
    page = desk.take()
    console = Console().listen(page)
    opened: list[Notebook] = []

    def make(*cells: str) -> Notebook:
        name = f"{request.node.name}-{len(opened)}.ipynb".replace("[", "-").replace("]", "").replace("/", "-")
        write_notebook(lab_root / name, list(cells), warm)
        opened.append(Notebook(page, lab, lab_root, name, console))
        opened[-1].show()
        return opened[-1]

    yield make
    errors = list(console.errors)  # before the notebooks close, which pages may complain about
    desk.give_back(well=not errors and not request.node.stash[FAILED])
    console.leave(page)
    for one in opened:
        behind(one.close)
    Console(errors).check()


@pytest.fixture
def newcomer(
    lab: str, lab_root: Path, page: Page, console: Console, behind: Callable
) -> Iterator[Callable[..., Notebook]]:
    """As `notebook`, in a page of its own with nothing loaded and with a kernel that has nothing imported."""
    opened: list[Notebook] = []

    def make(*cells: str) -> Notebook:
        name = f"newcomer-{len(list(lab_root.glob('newcomer-*')))}.ipynb"
        write_notebook(lab_root / name, list(cells))
        opened.append(Notebook(page, lab, lab_root, name, console))
        opened[-1].load()
        return opened[-1]

    yield make
    errors = list(console.errors)  # before the kernels end, which pages complain about
    for one in opened:
        behind(one.close)
    Console(errors).check()


@pytest.fixture
def voila_page(
    page: Page, console: Console, behind: Callable, tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """`voila_page("cell", …)` serves the cells with voila and opens the page; its console holds no error."""
    servers = []

    def make(*cells: str, options: tuple[str, ...] = ()) -> Page:
        server = voila(write_notebook(tmp_path / "app.ipynb", list(cells)), tmp_path, *options)
        address = server.__enter__()
        servers.append(server)
        page.goto(address, timeout=90_000)
        return page

    yield make
    errors = list(console.errors)  # before the servers stop, which pages complain about
    for server in servers:
        behind(partial(server.__exit__, None, None, None))
    Console(errors).check()
