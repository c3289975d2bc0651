"""A person's hands for tests of the page: a mouse that counts its presses, a keyboard that looks where the focus is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Locator, Page

MOST_TABS = 150  # until Tab has come to everything of a page
PARTS = 8  # stops of Tab within one element: the fields of a date, the buttons of a player
RING_SHARE = 0.6  # of the way around an element that its ring shows at least; the rest may be scrolled away
COUNT_PRESSES = "addEventListener('pointerdown', () => (window.presses = (window.presses ?? 0) + 1), true)"
# What has the focus: its words, its part of the window with a margin for the ring, and whether it is the page itself.
LOOK = """() => {
  const active = document.activeElement;
  if (!active || active === document.body) return null;
  const seen = active.matches(".hidden") ? active.closest("label") : active;
  const box = seen.getBoundingClientRect();
  window.focused = (window.focused ?? []);
  if (!window.focused.includes(active)) window.focused.push(active);
  const [left, top] = [Math.max(0, box.left - 5), Math.max(0, box.top - 5)];
  const [right, bottom] = [Math.min(innerWidth, box.right + 5), Math.min(innerHeight, box.bottom + 5)];
  return {
    number: window.focused.indexOf(active),
    words: `${seen.tagName} ${(seen.getAttribute("aria-label") || seen.textContent || "").trim().slice(0, 40)}`,
    box: { x: left, y: top, width: right - left, height: bottom - top },
    parts: active.matches("input[type=date], video, audio"),
  };
}"""
HIDE_RINGS = """hide => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { outline-color: transparent !important }");
  document.adoptedStyleSheets = hide ? [sheet] : [];
}"""


class Mouse:
    """Does with the page what a person does with a mouse, and counts every press."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._elsewhere = 0
        page.evaluate(COUNT_PRESSES)

    @property
    def presses(self) -> int:
        """Those that the page has heard, and those in the browser's own windows, of which it hears nothing."""
        return int(self.page.evaluate("window.presses ?? 0")) + self._elsewhere

    def click(self, what: Locator, timeout: float | None = None) -> None:
        what.click(timeout=timeout)

    def bring(self, button: Locator, *files: Path) -> None:
        """Open the chooser of files, mark each file, press Open."""
        with self.page.expect_file_chooser() as opened:
            button.click()
        opened.value.set_files(list(files))
        self._elsewhere += len(files) + 1


class Keyboard:
    """Goes over the page by Tab; wherever it comes, the focus must be seen, and must go on."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.on("filechooser", lambda chooser: None)  # from now on none is the browser's own: a key is faster than that
        self._seen: set[int] = set()  # what has had its ring
        self._last: int | None = None
        self._stays = 0

    def tab(self, key: str = "Tab") -> str | None:
        """One press of Tab; returns the words of what has the focus then, None where that is the page itself."""
        self.page.keyboard.press(key)
        found = self.page.evaluate(LOOK)
        if found is None:
            self._last = None
            return None
        self._stays = self._stays + 1 if found["number"] == self._last else 0
        assert self._stays <= (PARTS if found["parts"] else 0), f"{key} does not leave {found['words']}"
        self._last = found["number"]
        if found["number"] not in self._seen or found["parts"]:
            share = self._measure_ring(found["box"])
            assert share >= RING_SHARE, f"the focus on {found['words']} is not seen: {share:.0%} of a ring"
            self._seen.add(found["number"])
        return str(found["words"])

    def go(self, what: Locator) -> Locator:
        """Press Tab until ``what`` has the focus."""
        for _ in range(MOST_TABS):
            if what.evaluate("one => one === document.activeElement || one.control === document.activeElement"):
                return what
            self.tab()
        raise AssertionError(f"Tab never comes to {what}")

    def press(self, what: Locator, key: str = "Enter") -> None:
        self.go(what)
        self.page.keyboard.press(key)

    def bring(self, button: Locator, *files: Path) -> None:
        """Enter on the button; the chooser itself is the browser's."""
        self.go(button)
        with self.page.expect_file_chooser() as opened:
            self.page.keyboard.press("Enter")
        opened.value.set_files(list(files))

    def go_round(self) -> int:
        """Tab from the page's beginning over everything on it to its end; returns how many things that were."""
        for _ in range(MOST_TABS):  # to the end of a round that began where the focus was
            self.page.keyboard.press("Tab")
            if self.page.evaluate(LOOK) is None:
                break
        seen: list[str] = []
        for _ in range(MOST_TABS):
            words = self.tab()
            if words is None and seen:
                return len(seen)
            if words is not None:
                seen.append(words)
        raise AssertionError(f"after {MOST_TABS} presses of Tab there is no end: {seen[-5:]}")

    def _measure_ring(self, box: dict[str, float]) -> float:
        """How much of the way around an element changes when rings are hidden, 0 to 1 or a little more."""
        pictures = []
        for hide in (False, True):
            self.page.evaluate(HIDE_RINGS, hide)
            data = self.page.screenshot(clip=box, type="png")  # type: ignore[arg-type]
            pictures.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int))
        self.page.evaluate(HIDE_RINGS, False)
        changed = (np.abs(pictures[0] - pictures[1]).max(axis=2) > 40).sum()
        return float(changed / (2 * 2 * (box["width"] + box["height"] - 20)))  # a ring is two pixels wide
