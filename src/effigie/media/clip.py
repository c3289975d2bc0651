"""Data classes that describe a clip and a frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
ClipKind = Literal["video", "animation", "still", "sequence"]
LumaRange = Literal["limited", "full"]


@dataclass(frozen=True)
class ColorSpace:
    """Colour space of a clip: how YUV and RGB convert into each other, in the terms of ITU-T H.273.

    For RGB material (GIF, PNG) it says how the clip would be written as video.
    """

    range: LumaRange = "limited"
    """Limited: luma 16-235, as on television. Full: 0-255, as in JPEG."""

    matrix: str = "bt709"
    """bt601, bt709, bt2020, smpte240m or fcc; bt709 from 720 lines on and bt601 below where nobody says."""

    primaries: str = "unspecified"
    """Passed on untouched; the pixels keep the clip's own primaries."""

    transfer: str = "unspecified"
    """Passed on untouched; the pixels keep the clip's own transfer curve."""

    matrix_declared: bool = True
    """Whether the container names the matrix. A guessed one is not written into the output: a player that
    guesses otherwise then errs on the output exactly as on the input, and nobody sees a shift."""


@dataclass(frozen=True)
class AudioInfo:
    """Description of one audio stream."""

    codec: str
    sample_rate: int
    """Hz."""
    channels: int
    language: str | None = None
    start: Fraction | None = None
    """First sample on the clip's clock, seconds."""


@dataclass(frozen=True)
class ClipInfo:
    """Description of a clip, from its container and its first decoded frame."""

    path: Path
    kind: ClipKind
    width: int
    """Pixels, after rotation."""
    height: int
    """Pixels, after rotation."""
    rotation: int
    """Clockwise turn that makes the stored picture upright: 0, 90, 180 or 270 degrees."""
    rate: Fraction | None
    """Average frames a second."""
    frames: int | None
    """The container's count, or an estimate: good for progress, not for allocating."""
    duration: Fraction | None
    """Seconds."""
    time_base: Fraction
    """Seconds a tick; every frame's time is a whole number of ticks."""
    codec: str
    pixel_format: str
    color: ColorSpace
    pixel_aspect: Fraction = Fraction(1)
    """Width of a displayed pixel over its height, after rotation."""
    audio: tuple[AudioInfo, ...] = ()
    subtitles: int = 0
    """Number of subtitle streams."""
    clock_origin: Fraction = Fraction(0)
    """Where an arbitrary clock begins (MPEG program and transport streams), seconds; 0 elsewhere."""


@dataclass(frozen=True)
class Frame:
    """One decoded picture."""

    image: Image
    """(H, W, 3) uint8 RGB, upright, writable, the reader keeps no reference."""
    index: int
    """0-based among the clip's decodable frames."""
    time: Fraction
    """Exact presentation time on the container's own clock, seconds."""
    duration: Fraction | None
    """Seconds; None where the container does not say."""
