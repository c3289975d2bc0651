"""Preview pictures: the newest always as preview.png, and a history that stays small however long the run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.io.atomic_write import atomic_write, discard

MAX_PREVIEWS = 32


def write_preview(folder: Path, step: int, image: NDArray[np.uint8]) -> None:
    """Write ``image`` as ``folder/previews/step-000123.png`` and ``preview.png``; thin the history out.

    Args:
        image: ``(H, W, 3)`` RGB uint8.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a preview is (H, W, 3) uint8, not {image.shape} {image.dtype}")
    png = encode_png(image)
    history = folder / "previews"
    for path in (history / f"step-{step:06d}.png", folder / "preview.png"):
        with atomic_write(path) as temporary:
            temporary.write_bytes(png)
    paths = {int(path.stem[5:]): path for path in history.glob("step-*.png") if path.stem[5:].isdigit()}
    for old in find_excess_steps(sorted(paths), MAX_PREVIEWS):
        discard(paths[old])


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """``(H, W, 3)`` RGB uint8 as a PNG file's bytes."""
    return bytes(cv2.imencode(".png", np.ascontiguousarray(image[:, :, ::-1]))[1])


def find_excess_steps(steps: list[int], limit: int) -> list[int]:
    """Which of the rising ``steps`` to drop so that ``limit`` (2 or more) stay, first and last among them.

    Each time the one goes whose neighbours are closest together in proportion to their step: the history so
    stays dense at the start, where the pictures change most, as when every doubling is kept.
    """
    selection, dropped = list(steps), []
    while len(selection) > limit:
        gaps = [(selection[i + 1] - selection[i - 1]) / (selection[i + 1] + 1) for i in range(1, len(selection) - 1)]
        dropped.append(selection.pop(1 + int(np.argmin(gaps))))
    return dropped
