"""Data classes that describe a clip and a frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from effigie.media.fields import FieldOrder
from effigie.media.pictures.sequence import PictureSequence

if TYPE_CHECKING:
    from effigie.media.samples.native_picture import NativePicture

Image = NDArray[np.uint8]
ClipKind = Literal["video", "animation", "still", "sequence"]
LumaRange = Literal["limited", "full"]


@dataclass(frozen=True)
class ColorSpace:
    """Colour space of a clip: how YUV and RGB convert into each other, in the terms of ITU-T H.273.

    For RGB material (GIF, PNG) it says how the clip would be written as video. Primaries and transfer curve are passed
    on untouched; the pixels keep the clip's own.
    """

    range: LumaRange = "limited"  # limited: luma 16-235, as on television; full: 0-255, as in JPEG
    matrix: str = "bt709"  # bt601, bt709, bt2020, smpte240m, fcc; undeclared, bt709 from 720 lines on, else bt601
    primaries: str = "unspecified"
    transfer: str = "unspecified"
    # Whether the container names the matrix. A guessed one is not written into the output: a player that guesses
    # otherwise then errs on the output exactly as on the input, and nobody sees a shift.
    matrix_declared: bool = True


@dataclass(frozen=True)
class AudioInfo:
    """Description of one audio stream."""

    codec: str
    sample_rate: int  # Hz
    channels: int
    language: str | None = None
    start: Fraction | None = None  # first sample on the clip's clock, seconds
    layout: str | None = (
        None  # speakers, such as stereo or 5.1; None where there is no standard one for so many channels
    )


@dataclass(frozen=True)
class ClipInfo:
    """Description of a clip, from its container and its first decoded frame."""

    path: Path
    kind: ClipKind
    width: int  # square pixels, after rotation
    height: int  # square pixels, after rotation
    rotation: int  # clockwise turn that makes the stored picture upright: 0, 90, 180 or 270 degrees
    rate: Fraction | None  # average frames a second
    frames: int | None  # the container's count, or an estimate: good for progress, not for allocating
    duration: Fraction | None  # seconds
    time_base: Fraction  # seconds a tick; every frame's time is a whole number of ticks
    codec: str
    pixel_format: str
    color: ColorSpace
    pixel_aspect: Fraction = Fraction(1)  # width of one of the file's pixels over its height, after rotation
    field_order: FieldOrder = "progressive"  # whether frames have two fields, and which of them is the earlier
    chroma_location: str = "unspecified"  # where color samples of 4:2:0 lie, by FFmpeg's name, if the stream says so
    file_size: tuple[int, int] | None = None  # width and height of the file's pictures, where pixels are not square
    audio: tuple[AudioInfo, ...] = ()
    subtitles: int = 0  # number of subtitle streams
    clock_origin: Fraction = Fraction(0)  # seconds, where an MPEG stream's arbitrary clock begins; 0 elsewhere
    timecode: str | None = None  # of the first frame, hh:mm:ss:ff, or ; before ff where frame numbers are dropped
    reel: str | None = None  # name of the tape or camera card
    chapters: int = 0
    sequence: PictureSequence | None = None  # the files of a clip of numbered pictures
    notes: tuple[str, ...] = ()  # what of the file is not part of the clip, a sentence each


@dataclass(frozen=True)
class Frame:
    """One decoded picture."""

    image: Image  # (H, W, 3) uint8 RGB, upright, square pixels, writable, the reader keeps no reference
    index: int  # 0-based among the clip's decodable frames
    time: Fraction  # exact presentation time on the container's own clock, seconds
    duration: Fraction | None  # seconds; None where the container does not say
    native: NativePicture | None = None  # the same as decoded, if the reader was asked to keep it
    image_native: NativePicture | None = None  # what ``image`` was made of: ``native``, or one of its fields
    field: int | None = None  # that ``image`` shows, 0 or 1, if the reader was asked for both: index and native are one

    @property
    def is_second_field(self) -> bool:
        """Whether it shows the later field of a frame whose earlier one came before."""
        return (
            self.field is not None
            and self.native is not None
            and (self.field == 0) != (self.native.field_order == "top")
        )
