"""The encoders: which codec fits a clip and a container, and what each is told."""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass

from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from effigie.errors import UsageError
from effigie.media.clip import ClipInfo
from effigie.media.config import EncodeSettings
from effigie.media.fields import FieldOrder
from effigie.media.tone import find_tone_curve

# Types and quantisers of frames must not depend on what is in them: else a changed face changes how everything around
# it is encoded. Measured on a swapped 360x288 clip, outside the mask, against the input encoded alike: 45.5 dB
# instead of 42.4, for a file a third larger.
X264_PARAMS = "mbtree=0:b-adapt=0:scenecut=0:weightp=0:qcomp=1:bframes=0"


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg, and what it is used for.

    Attributes:
        containers: formats, as FFmpeg names them, that hold its output.
        pixel_formats: those it is used with; none: all that it has.
        bits_per_pixel: of a typical file, at crf 16 where there is one; with fine grain twice as many.
        has_crf: whether a quality is asked for, on which the size depends.
        is_fixed_size: whether the size hardly depends on what is shown.
        min_size: smallest width and height, pixels.
        needs_even_sides: whether sides that its color samples do not divide are extended.
    """

    name: str
    containers: tuple[str, ...]
    pixel_formats: tuple[str, ...] = ()
    bits_per_pixel: float = 0.35
    has_crf: bool = False
    is_fixed_size: bool = False
    min_size: tuple[int, int] = (2, 2)
    needs_even_sides: bool = False


_ALL = ("mp4", "mov", "matroska")
_DEEP = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_DEEP_444 = ("yuv444p10le", "yuva444p10le")
ENCODERS = {
    "h264": Encoder("libx264", _ALL, has_crf=True, needs_even_sides=True),
    "hevc": Encoder("libx265", _ALL, bits_per_pixel=0.25, has_crf=True, needs_even_sides=True),
    "hevc10": Encoder("libx265", _ALL, _DEEP, bits_per_pixel=0.28, has_crf=True, needs_even_sides=True),
    "av1": Encoder(
        "libsvtav1",
        ("mp4", "matroska"),
        ("yuv420p10le",),
        bits_per_pixel=0.2,
        has_crf=True,
        min_size=(64, 64),
        needs_even_sides=True,
    ),
    "ffv1": Encoder("ffv1", ("matroska", "mp4"), bits_per_pixel=8),
    "prores": Encoder("prores_ks", ("mov", "matroska"), bits_per_pixel=3.6, is_fixed_size=True),
    "prores4444": Encoder("prores_ks", ("mov", "matroska"), _DEEP_444, bits_per_pixel=5.4, is_fixed_size=True),
    "dnxhr": Encoder(
        "dnxhd",
        ("mov",),
        ("yuv422p10le",),
        bits_per_pixel=3.6,
        is_fixed_size=True,
        min_size=(256, 120),
        needs_even_sides=True,
    ),
}
"""By the name that ``--codec`` takes."""
PNG_BITS_PER_PIXEL = 12
CRF_STEP = 6  # of crf double or halve a file
SVT_PRESETS = {"ultrafast": 10, "superfast": 9, "veryfast": 8, "faster": 7, "fast": 6, "medium": 5, "slow": 4}
SLOWEST_SVT_PRESET = 3
SVT_CRF_SCALE = 1.25  # its crf ends at 63; so many times the number look as x264's do
_SUFFIXES = {"mp4": ".mp4", "mov": ".mov", "matroska": ".mkv"}


def choose_codec(settings: EncodeSettings, info: ClipInfo, container: str) -> str:
    """The codec of the settings, or for ``auto`` the one that keeps a clip's depth, transfer and transparency.

    Raises:
        UsageError: the container does not hold the codec.
    """
    if settings.codec != "auto":
        if settings.codec in ENCODERS and container not in ENCODERS[settings.codec].containers:
            suffixes = " or ".join(_SUFFIXES[name] for name in ENCODERS[settings.codec].containers)
            raise UsageError(f"{settings.codec} is not written into {_SUFFIXES[container]}: name the output {suffixes}")
        return settings.codec
    source = settings.pixel_format if settings.pixel_format != "auto" else info.pixel_format
    if source == "unknown":
        return "h264"
    form = VideoFormat(source, 16, 16)
    is_footage = info.kind in ("video", "sequence")
    if is_footage and any(part.is_alpha for part in form.components):
        alpha_codec = {"mov": "prores", "matroska": "ffv1"}.get(container)
        if alpha_codec is not None:
            return alpha_codec
    is_deep = max(part.bits for part in form.components) > 8 and not form.has_palette
    if info.field_order != "progressive":  # x265 does not write fields
        return "h264"
    is_rgb_video = form.is_rgb and info.kind == "video"
    return "hevc" if is_deep or is_rgb_video or find_tone_curve(info.color.transfer) is not None else "h264"


def estimate_bytes(codec: str, settings: EncodeSettings, pixels: float) -> float:
    """Size of the pictures of a typical output with so many pixels in all its frames, bytes; codec png is pictures."""
    encoder = ENCODERS.get(codec)
    bits = PNG_BITS_PER_PIXEL if encoder is None else encoder.bits_per_pixel
    if encoder is not None and encoder.has_crf:
        bits *= 2 ** ((16 - settings.crf) / CRF_STEP)
    return pixels * bits / 8


PROGRESSIVE_CODECS = ("hevc", "hevc10", "av1")  # of whose encoders none writes fields


def explain_field_loss(codec: str, clip: FieldOrder, output: FieldOrder) -> list[str]:
    """What becomes of a clip's fields, unless they are kept: a sentence at most.

    Args:
        output: field order of the pictures that are encoded.
    """
    if clip == "progressive":
        return []
    if output == "progressive":
        return ["the clip is interlaced, and its fields were joined to whole pictures"]
    if codec in PROGRESSIVE_CODECS:
        return [
            f"{codec} holds the fields of interlaced footage as whole frames: --codec h264 keeps them apart, "
            "--deinterlace joins them"
        ]
    return []


def build_options(
    codec: str, settings: EncodeSettings, pixel_format: str, light: str | None, field_order: FieldOrder = "progressive"
) -> dict[str, str]:
    """Options of the encoder of a codec.

    Args:
        light: of :func:`describe_light`, None if the footage says nothing of its display.
    """
    if codec == "ffv1":
        return {"level": "3", "slicecrc": "1"}
    if codec == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # errors alone; else the library writes its settings to standard error
        threads = {} if settings.threads is None else {"svtav1-params": f"lp={settings.threads}"}
        preset = str(SVT_PRESETS.get(settings.preset, SLOWEST_SVT_PRESET))
        return {"crf": str(round(settings.crf * SVT_CRF_SCALE)), "preset": preset, **threads}
    if codec == "dnxhr":
        return {"profile": "dnxhr_hqx"}
    if codec in ("prores", "prores4444"):
        profile = "4" if "444" in pixel_format else "3"  # 4444, HQ
        return {"profile": profile, "vendor": "apl0", "alpha_bits": "16"}
    options = {"crf": str(settings.crf), "preset": settings.preset}
    if codec == "h264":
        # By the context alone x264 takes every order for the even lines'.
        fields = {"progressive": "", "top": ":tff=1", "bottom": ":bff=1"}[field_order]
        options["x264-params"] = f"{X264_PARAMS}{fields}" + (
            ""
            if light is None
            else f":{light.replace('master-display', 'mastering-display').replace('max-cll', 'cll')}"
        )
    else:
        pools = "" if settings.threads is None else f":pools={settings.threads}"
        hdr = "" if light is None else f":{light}:hdr10=1"
        options["x265-params"] = f"log-level=error{pools}{hdr}"
    return options


def describe_light(frame: VideoFrame) -> str | None:
    """What a frame says of the display that it was graded on and of its brightest pixels, in the words of x265."""
    side_data = {entry.type.name: bytes(entry) for entry in _list_side_data(frame)}
    parts = []
    display = side_data.get("MASTERING_DISPLAY_METADATA", b"")
    if len(display) >= 88:
        # AVMasteringDisplayMetadata: fractions of red, green, blue, white (x, y), least and most light; two flags.
        numbers = struct.unpack("<22i", display[:88])
        values = [
            top / bottom if bottom else math.nan for top, bottom in zip(numbers[:20:2], numbers[1:20:2], strict=True)
        ]
        if numbers[20] and numbers[21] and not any(map(math.isnan, values)):
            red, green, blue, white = (
                (round(x * 50000), round(y * 50000)) for x, y in zip(values[:8:2], values[1:8:2], strict=True)
            )
            low, high = (round(value * 10000) for value in values[8:10])
            colors = zip("GBR", (green, blue, red), strict=True)
            primaries = "".join(f"{letter}({x},{y})" for letter, (x, y) in colors)
            parts.append(f"master-display={primaries}WP({white[0]},{white[1]})L({high},{low})")
    level = side_data.get("CONTENT_LIGHT_LEVEL", b"")
    if len(level) >= 8:
        most, average = struct.unpack("<2I", level[:8])
        parts.append(f"max-cll={most},{average}")
    return ":".join(parts) or None


DYNAMIC_METADATA = {
    "DOVI_RPU_BUFFER": "Dolby Vision's layer",
    "DOVI_METADATA": "Dolby Vision's layer",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
}
"""Side data that describes each picture as it was, by name."""


def list_dynamic_metadata(frame: VideoFrame) -> list[str]:
    """Names of what a frame carries to map its own brightness, which an edited picture would not fit."""
    return sorted(
        {DYNAMIC_METADATA[entry.type.name] for entry in _list_side_data(frame) if entry.type.name in DYNAMIC_METADATA}
    )


def _list_side_data(frame: VideoFrame) -> list:
    try:
        return list(frame.side_data)
    except ValueError:  # a kind that PyAV has no name for
        return []
