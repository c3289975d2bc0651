"""A real browser for tests of the studio's pages: Chromium from the distribution's packages, driven by playwright.

Tests that import this are skipped where one of them is missing. EFFIGIE_BROWSER=required makes them fail instead.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_language import find_english

from effigie import studio as package

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
if os.environ.get("EFFIGIE_BROWSER") != "required":
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium", allow_module_level=True)
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("no playwright here: pip install playwright", allow_module_level=True)

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
FLAGS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
FAKE_DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""With these and a file to play, camera and microphone are that file."""
AXE = Path(package.__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOST = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
"""What the console says while a test has killed the studio."""


@contextlib.contextmanager
def open_page(address: str, *flags: str, host: str | None = None) -> Iterator[Page]:
    """A page of 1280 by 720; when the block ends well, no script of it has failed.

    Args:
        address: that it shows first.
        flags: of Chromium, beside :data:`FLAGS`.
        host: HOST:PORT of the studio, if no error in the console and no request elsewhere is allowed either.
    """
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        if host is not None:
            ours = (f"http://{host}/", f"ws://{host}/", "blob:", "file:")
            page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
            page.on("request", lambda request: None if request.url.startswith(ours) else wrong.append(request.url))
        page.goto(address)
        yield page
        browser.close()
    assert not [line for line in wrong if not any(name in line for name in LOST)]


def check_accessibility(page: Page, theme: str | None = None) -> None:
    """Nothing serious is found by axe-core, where `make studio` has installed it; light or dark, or as it is."""
    if theme is not None:
        page.evaluate("theme => (document.documentElement.dataset.theme = theme)", theme)
    if not AXE.is_file():
        return
    page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(found => found.violations)")
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]


def check_italian(page: Page) -> None:
    """Nothing on the page stays English when it is to speak Italian; then it speaks English again."""
    page.get_by_role("button", name="Italiano").click()
    expect(page.get_by_role("link", name="Persone")).to_be_visible()
    assert not find_english(page.locator("body").inner_text())
    page.get_by_role("button", name="English").click()
