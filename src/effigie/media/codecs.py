"""Codecs of outputs: encoder, containers, sample format, options, and how large a file they make."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from effigie.media.config import EncodeSettings

# Types and quantisers of frames must not depend on what is in them: else a changed face changes how everything around
# it is encoded. Measured on a swapped 360x288 clip, outside the mask, against the input encoded alike: 45.5 dB
# instead of 42.4, for a file a third larger.
X264_PARAMS = "mbtree=0:b-adapt=0:scenecut=0:weightp=0:qcomp=1:bframes=0"
SVT_PRESETS = {"ultrafast": 10, "superfast": 9, "veryfast": 8, "faster": 7, "fast": 6, "medium": 5, "slow": 4}
SLOWEST_SVT_PRESET = 3
CRF_STEP = 6  # of crf double or halve a file


@dataclass(frozen=True)
class Codec:
    """A codec of outputs.

    Attributes:
        encoder: FFmpeg's name.
        containers: FFmpeg's names of the containers in which programs read it; empty for pictures.
        pixel_format: what is written; None leaves it to ``EncodeSettings.pixel_format``.
        bits_per_pixel: of a typical file, at crf 16 where there is one; with fine grain twice as many.
        options: of the encoder.
        min_size: smallest width and height, pixels.
        suffix: of its picture files.
        is_fixed_size: whether the size hardly depends on what is shown.
    """

    encoder: str
    containers: tuple[str, ...]
    pixel_format: str | None
    bits_per_pixel: float
    options: Callable[[EncodeSettings], dict[str, str]]
    min_size: tuple[int, int] = (2, 2)
    suffix: str = ""
    is_fixed_size: bool = False


def _x264(settings: EncodeSettings) -> dict[str, str]:
    return {"crf": str(settings.crf), "preset": settings.preset, "x264-params": X264_PARAMS}


def _x265(settings: EncodeSettings) -> dict[str, str]:
    pools = "" if settings.threads is None else f":pools={settings.threads}"
    return {"crf": str(settings.crf), "preset": settings.preset, "x265-params": f"log-level=error{pools}"}


def _svt(settings: EncodeSettings) -> dict[str, str]:
    os.environ.setdefault("SVT_LOG", "1")  # errors alone; the library writes its settings to standard error else
    threads = {} if settings.threads is None else {"svtav1-params": f"lp={settings.threads}"}
    # Its scale ends at 63: 16 looks as x264's 16 does at about 1.25 times the number.
    crf = round(settings.crf * 1.25)
    return {"crf": str(crf), "preset": str(SVT_PRESETS.get(settings.preset, SLOWEST_SVT_PRESET)), **threads}


def _prores(profile: str) -> Callable[[EncodeSettings], dict[str, str]]:
    # Other programs refuse what does not name Apple as its vendor.
    return lambda settings: {"profile": profile, "vendor": "apl0"}


def _ffv1(settings: EncodeSettings) -> dict[str, str]:
    return {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}


def _no_options(settings: EncodeSettings) -> dict[str, str]:
    return {}


VIDEO = ("mp4", "mov", "matroska")
CODECS = {
    "h264": Codec("libx264", VIDEO, None, 0.35, _x264),
    "hevc": Codec("libx265", VIDEO, None, 0.25, _x265),
    "hevc10": Codec("libx265", VIDEO, "yuv420p10le", 0.28, _x265),
    "av1": Codec("libsvtav1", ("mp4", "matroska"), "yuv420p10le", 0.2, _svt, (64, 64)),
    "prores": Codec("prores_ks", ("mov", "matroska"), "yuv422p10le", 3.6, _prores("hq"), is_fixed_size=True),
    "prores4444": Codec("prores_ks", ("mov", "matroska"), "yuv444p10le", 5.4, _prores("4444"), is_fixed_size=True),
    "dnxhr": Codec(
        "dnxhd", ("mov",), "yuv422p10le", 3.6, lambda settings: {"profile": "dnxhr_hqx"}, (256, 120), is_fixed_size=True
    ),
    "ffv1": Codec("ffv1", ("matroska",), None, 8, _ffv1),
    "png": Codec("png", (), "rgb24", 12, _no_options, suffix=".png"),
}
"""By the name that ``--codec`` takes."""


def estimate_bytes(codec: Codec, settings: EncodeSettings, pixels: float) -> float:
    """Size of the pictures of a typical output with so many pixels in all its frames, bytes."""
    bits = codec.bits_per_pixel
    if "crf" in codec.options(settings):
        bits *= 2 ** ((16 - settings.crf) / CRF_STEP)
    return pixels * bits / 8
