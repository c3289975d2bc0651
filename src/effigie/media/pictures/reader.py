"""Describes and reads stills, folders of numbered pictures, and the animations that FFmpeg does not decode."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from effigie.errors import MediaError
from effigie.media import defaults
from effigie.media.clip import ClipInfo, Frame, Image
from effigie.media.container import PICTURE_FORMATS, check_picture_size, open_container
from effigie.media.pictures.decoder import (
    decode_pages,
    decode_still,
    decode_webp,
    describe_still,
    is_read_by_opencv,
    list_equal_pages,
    read_webp_size,
)
from effigie.media.pictures.native_still import read_native_still
from effigie.media.pictures.signature import is_media, read_kind
from effigie.media.samples.color import choose_rgb_color

PICTURE_SUFFIXES = (*(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"), *(".heic", ".heif", ".hif", ".avif"))
FFMPEG_KINDS = ("animated png", "track")
SEQUENCE_RATE = defaults.FRAME_RATE  # of a folder of pictures, which cannot say
_NUMBERED = re.compile(r"^(.*?)(\d+)$")


def is_picture(path: Path) -> bool:
    """Whether ``path`` is read here rather than by FFmpeg's demuxers: by what it holds, else by its suffix."""
    kind = read_kind(path)
    if kind is not None:
        return kind not in FFMPEG_KINDS
    return path.suffix.lower() in PICTURE_SUFFIXES and not is_media(path)


def read_still(path: str | Path) -> Image:
    """Read a picture as (H, W, 3) uint8 RGB, upright as EXIF or container say, transparency over black.

    Of an animation or of several pages the first.

    Raises:
        MediaError: missing, empty, damaged, not a picture, or larger than 16384 pixels a side.
    """
    path = Path(path)
    transparent = _read_header(path)[2]
    image = decode_still(path, path.read_bytes(), transparent)
    if image is None:
        raise MediaError(f"{path} cannot be decoded: it is damaged or cut short; copy or export it again")
    return image


def probe_still(path: Path) -> ClipInfo:
    """Describe a picture file; an animated WebP is an animation, and so is a TIFF of several pages."""
    kind = read_kind(path)
    if kind == "animated webp":
        return _describe_webp(path)
    if kind == "pages" and len(list_equal_pages(path)[0]) > 1:
        return _describe_pages(path)
    return _describe_pictures(path, [path])


def list_sequence(folder: Path) -> list[Path]:
    """List the pictures of a folder in the order of their numbers; empty unless all are numbered alike.

    Alike: the same words before the number and the same suffix, at least two of them, such as ``000000.png``,
    ``000001.png``. Gaps are fine. Files that are not pictures and hidden files do not count.
    """
    files = [f for f in folder.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES and f.name[0] != "."]
    matches = [(_NUMBERED.match(file.stem), file) for file in files]
    numbered = [(int(match[2]), match[1], file) for match, file in matches if match is not None]
    alike = len({(words, file.suffix.lower()) for _, words, file in numbered}) == 1
    if len(files) < 2 or len(numbered) != len(files) or not alike:
        return []
    return [file for _, _, file in sorted(numbered)]


def probe_sequence(folder: Path) -> ClipInfo:
    """Describe a folder of numbered pictures; 25 frames a second, since pictures do not say."""
    files = list_sequence(folder)
    if not files:
        raise MediaError(
            f"{folder} holds no sequence of numbered pictures (such as 000000.png, 000001.png): "
            "name a clip in it, or number its pictures"
        )
    return _describe_pictures(folder, files)


def read_pictures(info: ClipInfo, start: int, stop: int | None, native: bool = False) -> Iterator[Frame]:
    """Yield frames ``start`` to ``stop`` (excluded) of a still, a sequence or an animated WebP.

    Args:
        native: with the picture as stored, of a still or a sequence.
    """
    if info.kind == "animation":
        if info.codec == "tiff":
            yield from decode_pages(info.path, list_equal_pages(info.path)[0], start, stop)
        else:
            yield from itertools.islice(decode_webp(info.path, info.width * info.height * 3), start, stop)
        return
    files = list_sequence(info.path) if info.kind == "sequence" else [info.path]
    for index, file in enumerate(files[start:stop], start):
        transparent = _read_header(file)[2]
        both = (
            read_native_still(file, transparent, info.color)
            if native and is_read_by_opencv(file, transparent)
            else None
        )
        image, stored = both or (read_still(file), None)
        if image.shape[:2] != (info.height, info.width):
            raise MediaError(
                f"{file} is {image.shape[1]}x{image.shape[0]} pixels, the sequence began with "
                f"{info.width}x{info.height}: make all pictures of {info.path} one size"
            )
        duration = info.time_base if info.kind == "sequence" else None
        yield Frame(image, index, index * info.time_base, duration, stored, stored)


def _describe_pictures(path: Path, files: list[Path]) -> ClipInfo:
    codec, pixel_format, _, notes = _read_header(files[0])
    height, width = read_still(files[0]).shape[:2]
    sequence = path != files[0]
    return ClipInfo(
        path=path,
        kind="sequence" if sequence else "still",
        width=width,
        height=height,
        rotation=0,
        rate=SEQUENCE_RATE if sequence else None,
        frames=len(files),
        duration=len(files) / SEQUENCE_RATE if sequence else None,
        time_base=1 / SEQUENCE_RATE,
        codec=codec,
        pixel_format=pixel_format,
        color=choose_rgb_color(height),
        notes=notes,
    )


def _read_header(path: Path) -> tuple[str, str, bool, tuple[str, ...]]:
    """Codec, pixel format, whether there is alpha, and notes, from the header alone."""
    if read_kind(path) in ("avif", "heif"):
        return describe_still(path)
    with open_container(path, PICTURE_FORMATS) as container:
        if not container.streams.video or container.streams.video[0].codec_context is None:
            raise MediaError(f"{path} is not a picture that can be read: export it as PNG or JPEG")
        context = container.streams.video[0].codec_context
        check_picture_size(context.width, context.height, path)
        alpha = context.format is not None and any(c.is_alpha for c in context.format.components)
        notes: tuple[str, ...] = ()
        if read_kind(path) == "pages":
            notes = (f"{path.name} holds more pages, of other sizes: the first was read",)
        return context.name, context.pix_fmt or "unknown", alpha, notes


def _describe_webp(path: Path) -> ClipInfo:
    width, height = read_webp_size(path)
    check_picture_size(width, height, path)
    durations = [frame.duration or Fraction(0) for frame in decode_webp(path, width * height * 3)]
    if not durations:
        raise MediaError(f"no frame of {path} can be decoded: it is damaged or cut short; export it again")
    duration = sum(durations, Fraction(0))
    return ClipInfo(
        path=path,
        kind="animation",
        width=width,
        height=height,
        rotation=0,
        rate=len(durations) / duration if duration else None,
        frames=len(durations),
        duration=duration or None,
        time_base=Fraction(1, 1000),
        codec="webp",
        pixel_format="rgb24",
        color=choose_rgb_color(height),
    )


def _describe_pages(path: Path) -> ClipInfo:
    pages, others = list_equal_pages(path)
    described = _describe_pictures(path, [path])
    notes = (f"{others} of the {len(pages) + others} pages of {path.name} left out: another size",)
    return replace(
        described,
        kind="animation",
        rate=SEQUENCE_RATE,
        frames=len(pages),
        duration=len(pages) / SEQUENCE_RATE,
        codec="tiff",
        notes=notes if others else (),
    )
