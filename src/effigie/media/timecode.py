"""Timecode (SMPTE ST 12-1) and reel name: where a clip stands on its tape or in its camera's card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.video.stream import VideoStream

from effigie.media.clip import ClipInfo

_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})([:;.])(\d{1,3})")
DROPPED = 2  # frame numbers left out per minute and 30 frames a second, except in every tenth minute
DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001), Fraction(120000, 1001))
NAMES = ("timecode",)
REEL_NAMES = ("reel_name", "reel", "reel_number")


@dataclass(frozen=True)
class Timecode:
    """Number of a frame from midnight, at a nominal rate."""

    frame: int
    nominal_rate: int  # frames a second that are counted: 30 for 29.97
    drop: bool = False

    @classmethod
    def parse(cls, text: str, rate: Fraction) -> Timecode:
        """Parse ``hh:mm:ss:ff``, or ``hh:mm:ss;ff`` with dropped numbers, of a clip of ``rate`` frames a second.

        Raises:
            ValueError: no timecode, or none of that rate.
        """
        match = _TIMECODE.fullmatch(text.strip())
        nominal = max(1, round(rate))
        if match is None:
            raise ValueError(f"{text!r} is no timecode")
        hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
        drop = match[4] in ";."
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= nominal:
            raise ValueError(f"{text!r} is no timecode of {float(rate):g} frames a second")
        if drop and rate not in DROP_RATES:
            raise ValueError(f"{text!r} drops numbers, which {float(rate):g} frames a second does not")
        total_minutes = 60 * hours + minutes
        frame = (60 * total_minutes + seconds) * nominal + frames
        if drop:
            frame -= _dropped_per_minute(nominal) * (total_minutes - total_minutes // 10)
        return cls(frame, nominal, drop)

    def __add__(self, frames: int) -> Timecode:
        return Timecode((self.frame + frames) % self._day(), self.nominal_rate, self.drop)

    def __str__(self) -> str:
        frame = self.frame
        if self.drop:
            dropped = _dropped_per_minute(self.nominal_rate)
            per_minute = 60 * self.nominal_rate - dropped
            per_ten = 10 * per_minute + dropped
            tens, rest = divmod(frame, per_ten)
            frame += dropped * 9 * tens
            if rest >= 60 * self.nominal_rate:
                frame += dropped * (1 + (rest - 60 * self.nominal_rate) // per_minute)
        seconds, frames = divmod(frame, self.nominal_rate)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if self.drop else ':'}{frames:02d}"

    def _day(self) -> int:
        minutes = 24 * 60
        return minutes * 60 * self.nominal_rate - (
            _dropped_per_minute(self.nominal_rate) * (minutes - minutes // 10) if self.drop else 0
        )


def _dropped_per_minute(nominal_rate: int) -> int:
    return DROPPED * nominal_rate // 30


def read_timecode(container: Any) -> tuple[str | None, str | None]:
    """Timecode of the first frame and reel name of an open container, as it writes them."""
    tags = [*(stream.metadata for stream in container.streams), container.metadata]
    return _find(tags, NAMES), _find(tags, REEL_NAMES)


def _find(tags: list[Mapping[str, str]], names: tuple[str, ...]) -> str | None:
    for name in names:
        for metadata in tags:
            for key, value in metadata.items():
                if key.lower() == name and value.strip():
                    return value.strip()
    return None


def write_timecode(stream: VideoStream, source_info: ClipInfo, offset: Fraction, output_format: str) -> None:
    """Tag an output's picture stream, from which MOV and MP4 make a timecode track, and Matroska a tag.

    Args:
        offset: seconds of the clip before the output's first frame.
        output_format: mp4, mov or matroska.
    """
    if source_info.reel is not None:
        stream.metadata["reel_name"] = source_info.reel
    if source_info.timecode is not None and not _find_obstacle(source_info, output_format):
        moved = shift_timecode(source_info.timecode, source_info.rate, offset)
        if moved is not None:
            stream.metadata["timecode"] = moved


def explain_timecode_loss(source_info: ClipInfo, output_format: str) -> list[str]:
    """What of timecode and reel name a container cannot hold, a sentence each."""
    losses = []
    obstacle = _find_obstacle(source_info, output_format)
    if source_info.timecode is not None and obstacle:
        losses.append(f"the timecode {source_info.timecode} was left out: {obstacle}")
    has_track = source_info.timecode is not None and not obstacle and output_format == "mov"
    if source_info.reel is not None and not has_track and output_format != "matroska":
        losses.append(
            f"the reel name {source_info.reel} was left out because it stands beside a timecode in .mov alone"
        )
    return losses


def _find_obstacle(source_info: ClipInfo, output_format: str) -> str:
    """Why a clip's timecode cannot be written; empty if it can."""
    if source_info.timecode is None:
        return ""
    if source_info.rate is None:
        return "the clip has no frame rate"
    if output_format == "matroska":  # whose tag is free text
        return ""
    try:
        Timecode.parse(source_info.timecode, source_info.rate)
    except ValueError as error:
        return str(error)
    return ""


def shift_timecode(text: str, rate: Fraction | None, seconds: Fraction) -> str | None:
    """The timecode ``seconds`` later; None if it cannot be counted on."""
    if not seconds:
        return text
    try:
        return None if rate is None else str(Timecode.parse(text, rate) + round(seconds * rate))
    except ValueError:
        return None
