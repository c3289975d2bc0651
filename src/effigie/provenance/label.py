"""The visible notice that a picture was made by a trained model.

After the EU code of practice on marking and labelling AI-generated content (June 2026): the capitals "AI" come first
and largest, words follow, high contrast on any picture, in the upper right corner, there at the first exposure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from effigie.errors import UsageError

if TYPE_CHECKING:
    from effigie.provenance.c2pa.credentials import Claim

Mode = Literal["off", "corner", "first-seconds"]
MODES = ("off", "corner", "first-seconds")
TEXT = "AI-generated"
ACRONYM = "AI"
SHOWN_S, FADE_S = 5.0, 1.0
"""first-seconds: full for the first 4 s, then fading until 5 s."""

HEIGHT, SMALLEST = 0.07, 13
"""Height of the plate: share of the picture's shorter side, and in px; letters below 9 px cannot be read."""
WIDEST = 0.62
"""Share of the picture's width; a text that needs more is set smaller, then left out but for the acronym."""
MARGIN = 0.3  # of the plate's height
TEXT_HEIGHT = 0.62  # of the plate's height, of the font's em
OPACITY = 0.82  # of the dark plate; 0.82 leaves white letters at 11:1 on a white picture
LONGEST = 80  # characters


@dataclass(frozen=True)
class _Plate:
    """What is laid over a picture: ``top``, ``left`` in px, ``light`` (h, w, 3) premultiplied and ``cover`` 0..255."""

    top: int
    left: int
    light: np.ndarray
    cover: np.ndarray


class Label:
    """Draws the notice into the frames of one clip.

    Args:
        mode: ``off``, ``corner`` (throughout) or ``first-seconds`` (5 s from the first frame drawn).
        text: the words; None takes "AI-generated". A text without a capital "AI" gets it in front.

    Raises:
        UsageError: no such mode, or a text that is empty, longer than 80 characters, or has letters that the installed
            OpenCV cannot draw (before 5.0: any beyond ASCII).
    """

    def __init__(self, mode: Mode = "corner", text: str | None = None) -> None:
        if mode not in MODES:
            raise UsageError(f"label must be one of {', '.join(MODES)}, not {mode!r}")
        text = TEXT if text is None else " ".join(text.split())
        if not text or len(text) > LONGEST or not text.isprintable():
            raise UsageError(
                f"the text of the label must have 1 to {LONGEST} characters on one line: {text[:20]!r}"
            )
        if not text.isascii() and _font() is None:
            raise UsageError(
                f"{text!r} needs opencv 5 to be drawn: use plain letters, or install a newer opencv"
            )
        self.mode, self.text = mode, text
        self._began: float | None = None

    def draw(self, image: np.ndarray, time_s: float) -> np.ndarray:
        """The picture with the notice.

        Args:
            image: (H, W, 3) uint8 RGB; stays as it is.
            time_s: on the clip's clock; frames come in order.

        Returns:
            (H, W, 3) uint8 RGB; ``image`` itself when nothing is to be drawn.
        """
        if self._began is None:
            self._began = time_s
        strength = self._strength(time_s - self._began)
        if strength <= 0:
            return image
        plate = _plate(image.shape[0], image.shape[1], self.text)
        result = image.copy()
        height, width = plate.cover.shape[:2]
        region = result[plate.top : plate.top + height, plate.left : plate.left + width]
        cover, light = plate.cover, plate.light
        if strength < 1:
            share = np.uint16(round(strength * 256))
            cover, light = cover * share >> 8, light * share >> 8
        region[:] = (region * (255 - cover) + light * np.uint16(255) + 127) // 255
        return result

    def area(self, height: int, width: int, time_s: float) -> tuple[slice, slice] | None:
        """Rows and columns that the notice covers in a frame, None where it is not drawn."""
        if self._strength(time_s - (time_s if self._began is None else self._began)) <= 0:
            return None
        plate = _plate(height, width, self.text)
        rows, columns = plate.cover.shape[:2]
        return slice(plate.top, plate.top + rows), slice(plate.left, plate.left + columns)

    def _strength(self, shown_s: float) -> float:
        if self.mode == "off":
            return 0.0
        if self.mode == "corner":
            return 1.0
        return float(np.clip((SHOWN_S - shown_s) / FADE_S, 0.0, 1.0))


def sidecar_text(claim: Claim) -> str:
    """The same in words, for a text file beside the output."""
    consents = ", ".join(claim.consents) or "none named"
    mark = "It carries an invisible mark with this id. " if claim.watermarked else ""
    return (
        f"{TEXT}: {claim.title or 'this file'} was made or altered by artificial intelligence.\n\n"
        f"A consenting person's likeness was put into it by a trained model with effigie ({claim.command}).\n"
        f"Output id: {claim.output_id}\n"
        f"Consent records: {consents}\n"
        f"Model manifest, SHA-256: {claim.model_hash or 'none'}\n\n"
        f"{mark}To check the file: effigie verify {claim.title or 'FILE'}\n"
    )


def _words(text: str) -> tuple[str, str]:
    """What stands on the bright badge and what follows it."""
    for start in (f"{ACRONYM}-", f"{ACRONYM} "):
        if text.startswith(start):
            return ACRONYM, text[len(start) :]
    if text == ACRONYM:
        return ACRONYM, ""
    return ACRONYM, text


@lru_cache(maxsize=8)
def _plate(height: int, width: int, text: str) -> _Plate:
    """The notice for pictures of one size."""
    badge, words = _words(text)
    tall = max(SMALLEST, round(HEIGHT * min(height, width)))
    tall = min(tall, height, width // 2) if min(height, width) >= 2 else 1
    while True:
        drawn = _drawn(badge, words, tall)
        if drawn.shape[1] <= max(WIDEST * width, 1):
            break
        if words and tall <= SMALLEST:
            words = ""
        elif tall <= 1:
            drawn = drawn[:height, :width]
            break
        else:
            tall = (
                max(tall - max(1, tall // 16), 1) if not words else max(tall - max(1, tall // 16), SMALLEST)
            )
    high, wide = drawn.shape[:2]
    margin = min(round(MARGIN * high), height - high, width - wide)
    alpha = drawn[..., 3:].astype(np.uint16)
    light = (drawn[..., :3].astype(np.uint16) * alpha + 127) // 255
    return _Plate(margin, width - wide - margin, light, alpha)


def _drawn(badge: str, words: str, tall: int) -> np.ndarray:
    """(tall, w, 4) uint8: dark rounded plate, bright badge with dark letters, bright words. Drawn large, shrunk."""
    scale = max(1, -(-96 // tall))
    big = tall * scale
    em, gap = round(TEXT_HEIGHT * big), round(0.26 * big)
    badge_width = _width(badge, round(em * 1.06), True) + 2 * gap
    words_width = _width(words, em, False) + 2 * gap if words else 0
    wide = -(-(badge_width + words_width) // scale) * scale
    dark = np.full((big, wide), 18, np.uint8)
    cover = _rounded(big, wide, round(0.22 * big)).astype(np.float32) * OPACITY
    inset = max(scale, round(0.07 * big))
    bright = np.zeros((big, wide), np.uint8)
    bright[inset : big - inset, inset : badge_width - (0 if words else inset)] = 255
    bright = np.minimum(bright, _rounded(big, wide, round(0.22 * big)))
    letters = np.zeros((big, wide), np.uint8)
    _write(letters, badge, gap, round(em * 1.06), True)
    light = np.maximum(dark, np.where(letters > 0, np.minimum(bright, 255 - letters), bright))
    # Under the bright badge and the letters the plate is opaque: they must not take on the picture's colour.
    solid = bright.astype(np.float32)
    if words:
        letters = np.zeros((big, wide), np.uint8)
        _write(letters, words, badge_width + gap, em, False)
        light, solid = np.maximum(light, letters), np.maximum(solid, letters)
    cover = np.maximum(cover, solid)
    stacked = np.dstack([light, light, light, cover]).astype(np.float32)
    small = cv2.resize(stacked, (wide // scale, tall), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


def _rounded(high: int, wide: int, radius: int) -> np.ndarray:
    shape = np.zeros((high, wide), np.uint8)
    radius = max(1, min(radius, high // 2, wide // 2))
    inner = ((radius, radius), (wide - 1 - radius, high - 1 - radius))
    cv2.rectangle(shape, (inner[0][0], 0), (inner[1][0], high - 1), 255, -1)
    cv2.rectangle(shape, (0, inner[0][1]), (wide - 1, inner[1][1]), 255, -1)
    for x in (inner[0][0], inner[1][0]):
        for y in (inner[0][1], inner[1][1]):
            cv2.circle(shape, (x, y), radius, 255, -1, cv2.LINE_AA)
    return shape


def _font() -> Any:
    """OpenCV 5 brings a real font; before, there are strokes for ASCII only."""
    return cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


def _width(text: str, em: int, bold: bool) -> int:
    font = _font()
    if font is not None:
        return int(cv2.getTextSize((0, 0), text, (0, 0), font, em, 800 if bold else 500)[2])
    return int(cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, *_stroke(em, bold))[0][0])


def _write(canvas: np.ndarray, text: str, left: int, em: int, bold: bool) -> None:
    """White letters into a black (H, W) canvas, capitals in the middle of its height."""
    base = round(canvas.shape[0] / 2 + 0.35 * em)  # capitals are 0.7 em tall
    font = _font()
    if font is not None:
        cv2.putText(canvas, text, (left, base), (255, 255, 255), font, em, 800 if bold else 500)
    else:
        size, thickness = _stroke(em, bold)
        cv2.putText(canvas, text, (left, base), cv2.FONT_HERSHEY_DUPLEX, size, 255, thickness, cv2.LINE_AA)


def _stroke(em: int, bold: bool) -> tuple[float, int]:
    return cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_DUPLEX, max(1, round(0.7 * em))), max(
        1, round(em * (0.12 if bold else 0.08))
    )
