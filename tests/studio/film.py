"""A picture of a way through the page, step by step: screenshots beside each other, each with what it shows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Locator, Page

WIDTH, HEIGHT, CAPTION = 640, 360, 30  # px of a step
MAX_BYTES = 250_000


class Film:
    """Takes screenshots of a page where the way through it has come."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._steps: list[np.ndarray] = []

    def take(self, caption: str, hidden: Locator | None = None) -> None:
        """Add what the page shows, but for what is of this machine alone; ``caption``: ASCII."""
        if hidden is not None:
            hidden.evaluate("one => (one.style.visibility = 'hidden')")
        data = np.frombuffer(self._page.screenshot(type="png"), np.uint8)
        step = np.full((HEIGHT + CAPTION, WIDTH, 3), 24, np.uint8)
        step[CAPTION:] = cv2.resize(cv2.imdecode(data, cv2.IMREAD_COLOR), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        text = f"{len(self._steps) + 1}  {caption}"
        cv2.putText(step, text, (10, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (225, 225, 225), 1, cv2.LINE_AA)
        self._steps.append(step)

    def save(self, path: Path) -> None:
        """Write a JPEG of at most :data:`MAX_BYTES` bytes, two steps in a row."""
        rows = [np.hstack(self._steps[at : at + 2]) for at in range(0, len(self._steps), 2)]
        for quality in range(90, 30, -5):
            _, data = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, quality])
            if data.size <= MAX_BYTES:
                path.write_bytes(data.tobytes())
                return
        raise AssertionError("the picture stays too large")
