"""Fixtures of the browser stories: one Chromium and one JupyterLab for all, a page and kernel for each."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import find
from tests.browser.lab import Console, Notebook
from tests.browser.servers import jupyterlab, voila, write_notebook

FLAGS = [
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page, 1440 x 1000, with a clipboard that may be read."""
    context = chromium.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


@pytest.fixture
def console(page: Page) -> Console:
    """What the page's console said that is an error."""
    return Console().listen(page)


@pytest.fixture
def notebook(
    lab: str, lab_root: Path, page: Page, console: Console, request
) -> Iterator[Callable[..., Notebook]]:
    """`notebook("cell", "cell", …)` opens a new notebook; its console must be free of errors at the end."""
    opened: list[Notebook] = []

    def make(*cells: str) -> Notebook:
        name = f"{request.node.name}-{len(opened)}.ipynb".replace("[", "-").replace("]", "").replace("/", "-")
        opened.append(Notebook.open(page, lab, lab_root, list(cells), name, console))
        return opened[-1]

    yield make
    errors = list(console.errors)  # before the kernels end, which pages complain about
    for one in opened:
        one.close()
    Console(errors).check()


@pytest.fixture
def voila_page(page: Page, console: Console, tmp_path: Path) -> Iterator[Callable[..., Page]]:
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
        server.__exit__(None, None, None)
    Console(errors).check()
