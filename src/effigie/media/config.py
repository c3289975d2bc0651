"""Settings of video encoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from effigie.errors import UsageError

Codec = Literal["auto", "h264", "hevc", "hevc10", "av1", "prores", "prores4444", "dnxhr", "ffv1", "png"]

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
CODECS = get_args(Codec)
PIXEL_FORMATS = ("auto", "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le")
MAX_CRF = 51


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
        keep_audio: carry sound and subtitles over from the clip.
        threads: encoder threads; None takes what the machine has.
    """

    codec: Codec = "auto"
    crf: int = 16
    preset: str = "veryfast"
    pixel_format: str = field(default="auto", metadata={"choices": PIXEL_FORMATS})
    keep_audio: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise UsageError(f"codec {self.codec!r} is unknown: choose one of {', '.join(CODECS)}")
        if not 0 <= self.crf <= MAX_CRF:
            raise UsageError(f"crf {self.crf} is out of range: choose 0 (best) to {MAX_CRF} (smallest)")
        if self.preset not in PRESETS:
            raise UsageError(f"preset {self.preset!r} is unknown: choose one of {', '.join(PRESETS)}")
        if self.pixel_format not in PIXEL_FORMATS:
            raise UsageError(f"pixel format {self.pixel_format!r} is unknown: choose {', '.join(PIXEL_FORMATS)}")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"{self.threads} encoder threads: give 1 or more, or none for all cores")
