"""Draws text and writes PNG files, for the pictures that report on a face set."""

from __future__ import annotations

from pathlib import Path

import cv2

from effigie.arrays import Image
from effigie.errors import EffigieError
from effigie.io.atomic_write import atomic_write

BACKGROUND = (28, 28, 32)
TEXT = (240, 240, 240)
DIM = (160, 160, 170)


def draw_text(image: Image, text: str, position: tuple[int, int], scale: float, color: tuple[int, int, int]) -> None:
    """Write one line into ``image`` (H, W, 3) uint8 RGB with its baseline starting at (x, y).

    OpenCV's drawn font knows ASCII only; other letters become question marks.
    """
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(image, plain, position, cv2.FONT_HERSHEY_SIMPLEX, scale, color, 1, cv2.LINE_AA)


def write_png(path: Path, image: Image) -> None:
    """Write (H, W, 3) uint8 RGB as a PNG, whole or not at all, whatever letters the path has."""
    if path.suffix.lower() != ".png":
        raise EffigieError(f"{path}: pictures of a face set are PNG, name it {path.with_suffix('.png').name}")
    is_encoded, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not is_encoded:
        raise EffigieError(f"cannot encode {path} as PNG ({image.shape[1]}x{image.shape[0]} px): ask for fewer faces")
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
