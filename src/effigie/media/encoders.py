"""The encoders: which codec fits a clip and a container, and what each is told."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from effigie.errors import UsageError
from effigie.media.clip import ClipInfo
from effigie.media.config import EncodeSettings
from effigie.media.tone import find_tone_curve

# Types and quantisers of frames must not depend on what is in them: else a changed face changes how everything around
# it is encoded. Measured on a swapped 360x288 clip, outside the mask, against the input encoded alike: 45.5 dB
# instead of 42.4, for a file a third larger.
X264_PARAMS = "mbtree=0:b-adapt=0:scenecut=0:weightp=0:qcomp=1:bframes=0"


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg.

    Attributes:
        containers: formats, as FFmpeg names them, that hold its output.
    """

    name: str
    containers: tuple[str, ...]


ENCODERS = {
    "h264": Encoder("libx264", ("mp4", "mov", "matroska")),
    "hevc": Encoder("libx265", ("mp4", "mov", "matroska")),
    "ffv1": Encoder("ffv1", ("matroska", "mp4")),
    "prores": Encoder("prores_ks", ("mov", "matroska")),
}
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
        kept = {"mov": "prores", "matroska": "ffv1"}.get(container)
        if kept is not None:
            return kept
    is_deep = max(part.bits for part in form.components) > 8 and not form.has_palette
    if info.field_order != "progressive":  # x265 does not write fields
        return "h264"
    is_rgb_video = form.is_rgb and info.kind == "video"
    return "hevc" if is_deep or is_rgb_video or find_tone_curve(info.color.transfer) is not None else "h264"


def build_options(codec: str, settings: EncodeSettings, pixel_format: str, light: str | None) -> dict[str, str]:
    """Options of the encoder of a codec.

    Args:
        light: of :func:`describe_light`, None if the footage says nothing of its display.
    """
    if codec == "ffv1":
        return {"level": "3", "slicecrc": "1"}
    if codec == "prores":
        profile = "4" if "444" in pixel_format else "3"  # 4444, HQ
        return {"profile": profile, "vendor": "apl0", "alpha_bits": "16"}
    options = {"crf": str(settings.crf), "preset": settings.preset}
    if codec == "h264":
        options["x264-params"] = X264_PARAMS + (
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
    found = {entry.type.name: bytes(entry) for entry in _list_side_data(frame)}
    parts = []
    display = found.get("MASTERING_DISPLAY_METADATA", b"")
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
            named = "".join(f"{letter}({x},{y})" for letter, (x, y) in colors)
            parts.append(f"master-display={named}WP({white[0]},{white[1]})L({high},{low})")
    level = found.get("CONTENT_LIGHT_LEVEL", b"")
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
