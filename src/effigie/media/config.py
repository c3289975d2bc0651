"""Settings of reading footage and of encoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, get_args

from effigie.errors import UsageError
from effigie.media import defaults
from effigie.media.view_transfer import VIEW_TRANSFERS, ViewTransfer

Codec = Literal["auto", "h264", "hevc", "hevc10", "av1", "prores", "prores4444", "dnxhr", "ffv1", "png"]

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
CODECS = get_args(Codec)
PIXEL_FORMATS = ("auto", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")
MAX_CRF = 51


@dataclass(frozen=True)
class FootageSettings:
    """What footage does not say itself.

    Attributes:
        sequence_rate: frames a second of a sequence of pictures: 24, 23.976, 24000/1001; None takes what the pictures
            say (EXR), else 25.
        view: how scene-linear pictures (EXR, TIFF of floats) are shown to trackers and networks: by sRGB's curve, a
            gamma of 2.2 or 2.4, or as they are (``raw``), where they are not linear.
    """

    sequence_rate: str | None = None
    view: ViewTransfer = "srgb"

    def __post_init__(self) -> None:
        if self.view not in VIEW_TRANSFERS:
            raise UsageError(f"view is one of {', '.join(VIEW_TRANSFERS)}, not {self.view!r}")
        if self.sequence_rate is not None:
            parse_rate(self.sequence_rate)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, where given."""
        return None if self.sequence_rate is None else parse_rate(self.sequence_rate)


def parse_rate(text: str) -> Fraction:
    """A frame rate in frames a second; decimals of 1000/1001 of a whole rate (23.976, 29.97) are that exactly.

    Raises:
        UsageError: it is none.
    """
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= defaults.MAX_FRAME_RATE:
        raise UsageError(f"{text!r} is no frame rate: give frames a second, such as 24, 23.976 or 24000/1001")
    whole = round(rate * Fraction(1001, 1000))
    exact = Fraction(whole * 1000, 1001)
    is_ntsc = "." in text and rate.denominator > 1 and abs(rate - exact) < Fraction(6, 1000)
    return exact if is_ntsc and whole else rate


@dataclass(frozen=True)
class EncodeSettings:
    """Settings of :class:`~effigie.media.VideoWriter`.

    Attributes:
        codec: ``h264`` plays everywhere; ``hevc`` is smaller and slower, ``hevc10`` has 10 bits, ``av1`` (10 bits) is
            the smallest; ``ffv1`` (.mkv) keeps every sample; ``prores`` (422 HQ, or 4444 where there is more color or
            transparency), ``prores4444`` and ``dnxhr`` (HQX, .mov) are for editing; ``png`` writes a folder of pictures
            without loss. ``auto`` takes what keeps the footage: h264 for 8 bits, hevc for more, for HDR and for RGB,
            and for footage with transparency prores (.mov) or ffv1 (.mkv).
        crf: quality of h264, hevc, hevc10 and av1, 0 (best) to 51; 16 is hard to tell from the source.
        preset: how long these search, ultrafast to veryslow, for a smaller file of the same look.
        pixel_format: ``auto`` is the footage's own, or the nearest that the codec has; ``yuv420p`` is what every player
            shows.
        frame_files: of a folder of frames: ``auto`` writes footage that is a sequence of PNG, TIFF or EXR in its own
            format, depth, numbers and names, all else as PNG; ``png`` writes PNG files numbered from 000000.
        keep_audio: carry sound and subtitles over from the clip.
        threads: encoder threads; None takes what the machine has.
    """

    codec: Codec = "auto"
    crf: int = 16
    preset: str = "veryfast"
    pixel_format: str = field(default="auto", metadata={"choices": PIXEL_FORMATS})
    frame_files: Literal["auto", "png"] = "auto"
    keep_audio: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise UsageError(f"codec {self.codec!r} is unknown: choose one of {', '.join(CODECS)}")
        if not 0 <= self.crf <= MAX_CRF:
            raise UsageError(f"crf {self.crf} is out of range: choose 0 (best) to {MAX_CRF} (smallest)")
        if self.preset not in PRESETS:
            raise UsageError(f"preset {self.preset!r} is unknown: choose one of {', '.join(PRESETS)}")
        if self.frame_files not in ("auto", "png"):
            raise UsageError(f"frame_files is auto or png, not {self.frame_files!r}")
        if self.pixel_format not in PIXEL_FORMATS:
            raise UsageError(f"pixel format {self.pixel_format!r} is unknown: choose {', '.join(PIXEL_FORMATS)}")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"{self.threads} encoder threads: give 1 or more, or none for all cores")
