"""Settings of video encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from effigie.errors import UsageError

Codec = Literal["h264", "hevc", "hevc10", "av1", "prores", "prores4444", "dnxhr", "ffv1", "png"]

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
PIXEL_FORMATS = ("yuv420p", "yuv422p", "yuv444p")
MAX_CRF = 51


@dataclass(frozen=True)
class EncodeSettings:
    """Settings of :class:`~effigie.media.VideoWriter`.

    Attributes:
        codec: ``h264`` plays everywhere; ``hevc`` is smaller and slower, ``hevc10`` has 10 bits, and so has ``av1``,
            the smallest; ``prores`` (422 HQ), ``prores4444`` and ``dnxhr`` (HQX) have 10 bits and are for editing;
            ``ffv1`` is without loss; ``png`` writes a folder of pictures without loss.
        crf: quality of the encoder, 0 (best) to 51; 16 is hard to tell from the source. For ``h264``, ``hevc``,
            ``hevc10`` and ``av1``.
        preset: how long the encoder searches, ultrafast to veryslow, for a smaller file of the same look.
        pixel_format: of ``h264``, ``hevc`` and ``ffv1``: ``yuv420p`` is what every player shows; ``yuv422p`` and
            ``yuv444p`` keep more colour detail.
        keep_audio: carry sound and subtitles over from the clip.
        threads: encoder threads; None takes what the machine has.
    """

    codec: Codec = "h264"
    crf: int = 16
    preset: str = "veryfast"
    pixel_format: str = "yuv420p"
    keep_audio: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.codec not in get_args(Codec):
            raise UsageError(f"codec {self.codec!r} is unknown: choose one of {', '.join(get_args(Codec))}")
        if not 0 <= self.crf <= MAX_CRF:
            raise UsageError(f"crf {self.crf} is out of range: choose 0 (best) to {MAX_CRF} (smallest)")
        if self.preset not in PRESETS:
            raise UsageError(f"preset {self.preset!r} is unknown: choose one of {', '.join(PRESETS)}")
        if self.pixel_format not in PIXEL_FORMATS:
            raise UsageError(f"pixel format {self.pixel_format!r} is unknown: choose {', '.join(PIXEL_FORMATS)}")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"{self.threads} encoder threads: give 1 or more, or none for all cores")
