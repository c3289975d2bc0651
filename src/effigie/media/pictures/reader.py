"""Describes and reads stills, folders of numbered pictures, and the animations that FFmpeg does not decode."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from effigie.errors import MediaError
from effigie.media import defaults
from effigie.media.clip import ClipInfo, Frame, Image
from effigie.media.config import FootageSettings
from effigie.media.container import MAX_SIDE, PICTURE_FORMATS, check_picture_size, open_container
from effigie.media.pictures.decoder import (
    decode_pages,
    decode_still,
    decode_webp,
    describe_still,
    is_read_by_opencv,
    list_equal_pages,
    read_webp_size,
)
from effigie.media.pictures.exr import ExrDescription, describe_exr, read_exr
from effigie.media.pictures.native_still import read_float_still, read_native_still
from effigie.media.pictures.sequence import PICTURE_SUFFIXES, PictureSequence, find_sequence
from effigie.media.pictures.signature import is_media, read_kind
from effigie.media.pixel_shape import compute_square_size
from effigie.media.samples.color import choose_rgb_color
from effigie.media.samples.native_picture import NativePicture, Picture
from effigie.media.samples.scene_picture import ScenePicture
from effigie.media.view_transfer import H273_NAMES, ViewCurve, find_view_curve

FFMPEG_KINDS = ("animated png", "track")
SEQUENCE_RATE = defaults.FRAME_RATE  # of a folder of pictures, which cannot say
FLOAT_FORMATS = ("gbrpf", "gbrapf", "grayf", "rgbf", "rgbaf")


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
    if (light := _read_light(path)) is not None:
        return _show_light(light, _describe_pictures(path, [path]), find_view_curve("srgb"), False)[0]
    transparent = _read_header(path)[2]
    image = decode_still(path, path.read_bytes(), transparent)
    if image is None:
        raise MediaError(f"{path} cannot be decoded: it is damaged or cut short; copy or export it again")
    return image


def probe_still(path: Path, footage: FootageSettings | None = None) -> ClipInfo:
    """Describe a picture file; an animated WebP is an animation, and so is a TIFF of several pages."""
    kind = read_kind(path)
    if kind == "animated webp":
        return _describe_webp(path)
    if kind == "pages" and len(list_equal_pages(path)[0]) > 1:
        return _describe_pages(path)
    return _describe_pictures(path, [path], footage)


def probe_sequence(path: Path, footage: FootageSettings | None = None) -> ClipInfo:
    """Describe a folder of numbered pictures, or those that a pattern names."""
    sequence = find_sequence(path)
    return _describe_pictures(path, list(sequence.files), footage, sequence)


def read_pictures(
    info: ClipInfo, start: int, stop: int | None, native: bool = False, footage: FootageSettings | None = None
) -> Iterator[Frame]:
    """Yield frames ``start`` to ``stop`` (excluded) of a still, a sequence or an animated WebP.

    Args:
        native: with the picture as stored, of a still or a sequence.
        footage: how scene-linear pictures are shown.
    """
    if info.kind == "animation":
        if info.codec == "tiff":
            yield from decode_pages(info.path, list_equal_pages(info.path)[0], start, stop)
        else:
            yield from itertools.islice(decode_webp(info.path, info.width * info.height * 3), start, stop)
        return
    files = [info.path] if info.sequence is None else list(info.sequence.files)
    curve = find_view_curve((footage or FootageSettings()).view)
    for index, file in enumerate(files[start:stop], start):
        image, stored = _read_file(file, info, native, curve)
        if image.shape[:2] != (info.height, info.width):
            raise MediaError(
                f"{file} is {image.shape[1]}x{image.shape[0]} pixels, the sequence began with "
                f"{info.width}x{info.height}: make all pictures of {info.path} one size"
            )
        duration = info.time_base if info.kind == "sequence" else None
        yield Frame(image, index, index * info.time_base, duration, stored, stored)


def _read_file(file: Path, info: ClipInfo, native: bool, curve: ViewCurve) -> tuple[Image, NativePicture | None]:
    """One picture, as it is shown and, if wanted and possible, as stored."""
    if (light := _read_light(file)) is not None:
        return _show_light(light, info, curve, native)
    transparent = _read_header(file)[2]
    if native and is_read_by_opencv(file, transparent):
        still = read_native_still(file, transparent, info.color)
        if still is not None:
            return still
    return read_still(file), None


def _read_light(file: Path) -> Picture | None:
    """(H, W, 3) float32 of a file of scene-linear floats; None of any other."""
    return read_exr(file) if read_kind(file) == "exr" else read_float_still(file)


def _show_light(light: Picture, info: ClipInfo, curve: ViewCurve, native: bool) -> tuple[Image, NativePicture | None]:
    height, width = light.shape[:2]
    size = compute_square_size(width, height, info.pixel_aspect, MAX_SIDE)
    picture = ScenePicture(light, info.color, curve, size)
    return picture.to_rgb(), picture if native else None


def _describe_pictures(
    path: Path, files: list[Path], footage: FootageSettings | None = None, sequence: PictureSequence | None = None
) -> ClipInfo:
    footage = footage or FootageSettings()
    first: ExrDescription | None = None
    notes: tuple[str, ...] = ()
    aspect = Fraction(1)
    light = _read_light(files[0])  # what is probed can be decoded
    if light is not None:
        check_picture_size(light.shape[1], light.shape[0], files[0])
        codec, pixel_format, stored = "tiff", "gbrpf32le", (light.shape[1], light.shape[0])
        if read_kind(files[0]) == "exr":
            first = describe_exr(files[0])
            codec, pixel_format, aspect = "exr", first.pixel_format, first.pixel_aspect
    else:
        codec, pixel_format, _, notes = _read_header(files[0])
        shape = read_still(files[0]).shape
        stored = shape[1], shape[0]
    width, height = compute_square_size(*stored, aspect, MAX_SIDE)
    color = choose_rgb_color(height)
    if pixel_format.startswith(FLOAT_FORMATS):
        color = replace(color, transfer=H273_NAMES[footage.view])
    file_rate = None if first is None else first.rate
    rate = footage.rate or file_rate or SEQUENCE_RATE
    if sequence is not None:
        gaps = sequence.describe_gaps()
        notes += (gaps,) if gaps else ()
        if footage.rate is None and file_rate is None:
            notes += (f"the pictures say no frame rate: {rate} frames/s taken, and --sequence-rate gives another",)
    return ClipInfo(
        path=path,
        kind="still" if sequence is None else "sequence",
        width=width,
        height=height,
        rotation=0,
        rate=None if sequence is None else rate,
        frames=len(files),
        duration=None if sequence is None else len(files) / rate,
        time_base=1 / rate,
        codec=codec,
        pixel_format=pixel_format,
        color=color,
        pixel_aspect=aspect,
        file_size=None if stored == (width, height) else stored,
        timecode=None if first is None or sequence is None else first.timecode,
        reel=None if first is None else first.reel,
        sequence=sequence,
        notes=notes,
    )


def _read_header(path: Path) -> tuple[str, str, bool, tuple[str, ...]]:
    """Codec, pixel format, whether there is alpha, and notes, from the header alone."""
    if read_kind(path) in ("avif", "heif"):
        return describe_still(path)
    if read_kind(path) == "exr":
        return "exr", describe_exr(path).pixel_format, False, ()
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
    pages, skipped_count = list_equal_pages(path)
    described = _describe_pictures(path, [path])
    notes = (f"{skipped_count} of the {len(pages) + skipped_count} pages of {path.name} left out: another size",)
    return replace(
        described,
        kind="animation",
        rate=SEQUENCE_RATE,
        frames=len(pages),
        duration=len(pages) / SEQUENCE_RATE,
        codec="tiff",
        notes=notes if skipped_count else (),
    )
