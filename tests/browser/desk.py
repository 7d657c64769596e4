"""One page with JupyterLab open, which the stories use one after the other: to load it anew costs each five seconds."""

from playwright.sync_api import Browser, Page

WINDOW = {"width": 1440, "height": 1000}
_CLOSE_ALL = "() => { for (const one of [...jupyterapp.shell.widgets('main')]) one.dispose(); }"
_LIGHT = (
    "() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'}).then(() => null)"
)


def new_page(browser: Browser) -> Page:
    """A fresh page in a context of its own, with a clipboard that may be read."""
    context = browser.new_context(viewport=WINDOW, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(30_000)
    return page


class Desk:
    """The page, loaded when a story first takes it and again after one that failed."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._page: Page | None = None

    def take(self) -> Page:
        """The page: JupyterLab with nothing open, light, the window in its usual size."""
        if self._page is None:
            self._page = new_page(self._browser)
            self._page.goto(f"{self._address}/lab?reset")
            self._page.wait_for_selector(".jp-Launcher", timeout=60_000)
            self.tidy()  # the theme is a setting, which the server keeps
        return self._page

    def give_back(self, well: bool) -> None:
        """A story ended, `well` or not: make the page as it was, or end it."""
        fit = False
        try:
            fit = well and self.tidy()
        finally:
            if not fit:
                self.drop()

    def tidy(self) -> bool:
        """Close what the story opened and undo what it changed; False where that is not enough."""
        page = self._page
        page.evaluate(_CLOSE_ALL)
        page.wait_for_selector(".jp-NotebookPanel, .cx", state="detached")
        if page.viewport_size != WINDOW:
            page.set_viewport_size(WINDOW)
        if page.locator('body[data-jp-theme-light="true"]').count() == 0:
            page.evaluate(_LIGHT)
            page.wait_for_selector('body[data-jp-theme-light="true"]', state="attached")
        page.wait_for_selector("#jupyterlab-splash", state="detached")
        page.mouse.move(0, 0)
        return page.locator(".jp-Dialog").count() == 0

    def drop(self) -> None:
        """End the page; the next story loads a new one."""
        if self._page is not None:
            self._page.context.close()
            self._page = None
