"""Reads stills, folders of numbered pictures, and animated WebP, which FFmpeg does not decode."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from effigie.errors import MediaError
from effigie.media.clip import ClipInfo, Frame, Image
from effigie.media.color import choose_rgb_color, flatten_alpha
from effigie.media.container import PICTURE_FORMATS, check_picture_size, describe_error, open_container
from effigie.media.native_still import read_native_still

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
SEQUENCE_RATE = Fraction(25)  # frames a second of a folder of pictures, which cannot say
_NUMBERED = re.compile(r"^(.*?)(\d+)$")
_HEAD_BYTES = 4096  # bytes; the chunks that announce an animation stand before the first picture
_WINDOW_BYTES = 64 << 20  # bytes of decoded WebP frames held at once


def is_picture(path: Path) -> bool:
    """Whether ``path`` is read here rather than by FFmpeg's demuxers: a still, or an animated WebP."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not _is_animated_png(path)


def read_still(path: str | Path) -> Image:
    """Read a picture as (H, W, 3) uint8 RGB, upright by its EXIF orientation, transparency over black.

    Raises:
        MediaError: missing, empty, damaged, not a picture, or larger than 16384 pixels a side.
    """
    path = Path(path)
    transparent = _read_header(path)[2]
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    # With alpha OpenCV can honour either the alpha or the EXIF turn; cameras, which turn, write no alpha.
    image = _decode_image(data, cv2.IMREAD_UNCHANGED) if transparent else None
    if image is not None and image.ndim == 3 and image.shape[2] == 4 and image.dtype in (np.uint8, np.uint16):
        return flatten_alpha(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA))
    image = _decode_image(data, cv2.IMREAD_COLOR)
    if image is None:
        raise MediaError(f"{path} cannot be decoded: it is damaged or cut short; copy or export it again")
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _decode_image(data: np.ndarray, flags: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(data, flags)
    except cv2.error:
        return None


def probe_still(path: Path) -> ClipInfo:
    """Describe a picture file; an animated WebP is an animation."""
    return _describe_webp(path) if _is_animated_webp(path) else _describe_pictures(path, [path])


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
        yield from itertools.islice(_decode_webp(info.path, info.width * info.height * 3), start, stop)
        return
    files = list_sequence(info.path) if info.kind == "sequence" else [info.path]
    for index, file in enumerate(files[start:stop], start):
        both = read_native_still(file, _read_header(file)[2], info.color) if native else None
        image, stored = both or (read_still(file), None)
        if image.shape[:2] != (info.height, info.width):
            raise MediaError(
                f"{file} is {image.shape[1]}x{image.shape[0]} pixels, the sequence began with "
                f"{info.width}x{info.height}: make all pictures of {info.path} one size"
            )
        duration = info.time_base if info.kind == "sequence" else None
        yield Frame(image, index, index * info.time_base, duration, stored, stored)


def _describe_pictures(path: Path, files: list[Path]) -> ClipInfo:
    codec, pixel_format, _ = _read_header(files[0])
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
    )


def _read_header(path: Path) -> tuple[str, str, bool]:
    """Codec, pixel format and whether there is alpha, from the header alone."""
    with open_container(path, PICTURE_FORMATS) as container:
        if not container.streams.video or container.streams.video[0].codec_context is None:
            raise MediaError(f"{path} is not a picture that can be read: export it as PNG or JPEG")
        context = container.streams.video[0].codec_context
        check_picture_size(context.width, context.height, path)
        alpha = context.format is not None and any(c.is_alpha for c in context.format.components)
        return context.name, context.pix_fmt or "unknown", alpha


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:  # opening it in earnest says what is wrong
        return b""


def _is_animated_png(path: Path) -> bool:
    head = _read_head(path)
    return head.startswith(b"\x89PNG") and b"acTL" in head.partition(b"IDAT")[0]


def _is_animated_webp(path: Path) -> bool:
    head = _read_head(path)
    return head.startswith(b"RIFF") and head[8:16] == b"WEBPVP8X" and bool(head[20] & 2)


def _describe_webp(path: Path) -> ClipInfo:
    size = _read_head(path)[24:30]
    width, height = int.from_bytes(size[:3], "little") + 1, int.from_bytes(size[3:], "little") + 1
    check_picture_size(width, height, path)
    durations = [frame.duration or Fraction(0) for frame in _decode_webp(path, width * height * 3)]
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


def _decode_webp(path: Path, frame_bytes: int) -> Iterator[Frame]:
    """Frames in windows of bounded memory; every window decodes from the beginning, as the format demands."""
    if not hasattr(cv2, "imdecodeanimation"):
        raise MediaError(f"{path} is an animated WebP, which needs opencv 4.11 or newer: save it as GIF or MP4")
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    window = max(1, _WINDOW_BYTES // frame_bytes)
    index, time = 0, Fraction(0)
    while True:
        try:
            found, animation = cv2.imdecodeanimation(data, index, window)
        except cv2.error as error:
            raise MediaError(f"{path} cannot be decoded ({describe_error(error)}): export it again") from error
        frames = list(animation.frames) if found else []
        for image, milliseconds in zip(frames, animation.durations if found else (), strict=False):
            transparent = image.shape[2] == 4
            rgb = flatten_alpha(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)) if transparent else image[..., ::-1]
            duration = Fraction(int(milliseconds), 1000)
            yield Frame(np.ascontiguousarray(rgb), index, time, duration or None)
            index, time = index + 1, time + duration
        if len(frames) < window:
            return
