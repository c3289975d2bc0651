"""Decodes pictures of one file: stills of every kind, the frames of an animated WebP, the pages of a TIFF.

What the container says is read, not its first part alone: a HEIC of tiles whole, an animation as frames, pages as a
clip.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from effigie.errors import MediaError
from effigie.media import defaults
from effigie.media.clip import Frame, Image
from effigie.media.container import check_picture_size, describe_error
from effigie.media.orientation import apply_exif_orientation
from effigie.media.pictures.signature import is_cut_short, list_pages, read_kind
from effigie.media.samples.color import flatten_alpha

WINDOW_BYTES = 64 << 20  # bytes of decoded frames held at once


def decode_still(path: Path, data: bytes, transparent: bool) -> Image | None:
    """Decode a picture's bytes to (H, W, 3) uint8 RGB, upright, transparency over black; None if it is damaged."""
    kind = read_kind(path)
    if kind in ("heif", "avif") and is_cut_short(io.BytesIO(data)):
        return None  # the libraries would leave the missing tiles black
    try:
        if kind == "heif":
            return _decode_heif(path, data)
        if kind == "avif":
            return _decode_avif(path, data)
    except MediaError:
        raise
    except Exception:  # libraries raise errors of their own for what is damaged
        return None
    array = np.frombuffer(data, dtype=np.uint8)
    # With alpha OpenCV can honour either the alpha or the EXIF turn.
    image = _decode_opencv(array, cv2.IMREAD_UNCHANGED) if transparent else None
    if image is not None and image.ndim == 3 and image.shape[2] == 4 and image.dtype in (np.uint8, np.uint16):
        rgb = flatten_alpha(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA))
        return apply_exif_orientation(rgb, _read_exif_orientation(data))
    image = _decode_opencv(array, cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def is_read_by_opencv(path: Path, transparent: bool) -> bool:
    """Whether OpenCV alone reads a picture upright: no HEIF, no AVIF, and no turn beside transparency."""
    if read_kind(path) in ("heif", "avif"):
        return False
    return not transparent or _read_exif_orientation(path.read_bytes()) == 1


def describe_still(path: Path) -> tuple[str, str, bool, tuple[str, ...]]:
    """Codec, pixel format, whether there is alpha, and notes, of an AVIF or HEIF, from its header.

    Raises:
        MediaError: it cannot be read, or is too large.
    """
    data = path.read_bytes()
    notes: tuple[str, ...] = ()
    try:
        if read_kind(path) == "avif":
            with _open_pillow(data) as picture:
                check_picture_size(picture.size[0], picture.size[1], path)
                return "av1", picture.mode.lower(), "A" in picture.mode, notes
        heif = _open_heif(path, data)
        primary = heif[heif.primary_index]
        check_picture_size(primary.size[0], primary.size[1], path)
        if len(heif) > 1:
            notes = (f"{path.name} holds {len(heif)} pictures: the one that it shows first was read",)
        return "hevc", primary.mode.lower(), "A" in primary.mode or "a" in primary.mode, notes
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(
            f"{path} cannot be decoded ({describe_error(error)}): it is damaged; export it again"
        ) from error


def _open_heif(path: Path, data: bytes) -> Any:
    try:
        import pi_heif
    except ImportError:
        raise MediaError(f"{path} is a HEIC, which needs the package pi-heif: install it, or export a JPEG") from None
    return pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)


def _decode_heif(path: Path, data: bytes) -> Image:
    """Decode the primary picture: tiles joined, turned and cropped as the container says."""
    heif = _open_heif(path, data)
    primary = heif[heif.primary_index]
    check_picture_size(primary.size[0], primary.size[1], path)
    # The library's memory goes with ``heif``, and its rows may be longer than the picture's.
    return _to_rgb(np.array(np.asarray(primary)[:, : primary.size[0]]), primary.mode)


def _decode_avif(path: Path, data: bytes) -> Image:
    with _open_pillow(data) as picture:
        check_picture_size(picture.size[0], picture.size[1], path)
        orientation = picture.getexif().get(0x0112, 1)  # where Pillow puts the container's turn and mirror
        mode = picture.mode if picture.mode in ("RGB", "RGBA") else "RGBA" if "A" in picture.mode else "RGB"
        return apply_exif_orientation(_to_rgb(np.asarray(picture.convert(mode)), mode), orientation)


def _to_rgb(pixels: np.ndarray, mode: str) -> Image:
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if mode == "RGBa":  # premultiplied: over black already
        return np.ascontiguousarray(pixels[..., :3])
    return flatten_alpha(pixels) if pixels.shape[2] == 4 else np.ascontiguousarray(pixels[..., :3])


def _open_pillow(data: bytes) -> Any:
    from PIL import Image as Pillow

    return Pillow.open(io.BytesIO(data), formats=("AVIF", "PNG", "WEBP", "TIFF"))


def _read_exif_orientation(data: bytes) -> int:
    try:
        with _open_pillow(data) as picture:
            return int(picture.getexif().get(0x0112, 1))
    except Exception:  # whatever is wrong with it, the picture has been decoded
        return 1


def _decode_opencv(data: np.ndarray, flags: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(data, flags)
    except cv2.error:
        return None


def read_webp_size(path: Path) -> tuple[int, int]:
    """Width and height of an animated WebP's canvas."""
    with path.open("rb") as stream:
        size = stream.read(30)[24:30]
    return int.from_bytes(size[:3], "little") + 1, int.from_bytes(size[3:], "little") + 1


def decode_webp(path: Path, frame_bytes: int) -> Iterator[Frame]:
    """Frames in windows of bounded memory; every window decodes from the beginning, as the format demands."""
    if not hasattr(cv2, "imdecodeanimation"):
        raise MediaError(f"{path} is an animated WebP, which needs opencv 4.11 or newer: save it as GIF or MP4")
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    window = max(1, WINDOW_BYTES // frame_bytes)
    index, time = 0, Fraction(0)
    while True:
        try:
            is_decoded, animation = cv2.imdecodeanimation(data, index, window)
        except cv2.error as error:
            raise MediaError(f"{path} cannot be decoded ({describe_error(error)}): export it again") from error
        frames = list(animation.frames) if is_decoded else []
        for image, milliseconds in zip(frames, animation.durations if is_decoded else (), strict=False):
            transparent = image.shape[2] == 4
            rgb = flatten_alpha(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)) if transparent else image[..., ::-1]
            duration = Fraction(int(milliseconds), 1000)
            yield Frame(np.ascontiguousarray(rgb), index, time, duration or None)
            index, time = index + 1, time + duration
        if len(frames) < window:
            return


def list_equal_pages(path: Path) -> tuple[list[int], int]:
    """Numbers of a TIFF's pages that have the first one's size, and how many others there are.

    Smaller versions of a page, which cameras and scanners add, count as others.
    """
    with path.open("rb") as stream:
        sizes = list(list_pages(stream))
    first = next((size for size in sizes if all(size)), (0, 0))
    equal = [number for number, size in enumerate(sizes) if size == first]
    return equal, len(sizes) - len(equal)


def decode_pages(path: Path, pages: list[int], start: int, stop: int | None) -> Iterator[Frame]:
    """Pages ``start`` to ``stop`` (excluded) of those listed, as frames, 25 a second: a TIFF does not say."""
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    step = 1 / defaults.FRAME_RATE
    for index in range(start, len(pages) if stop is None else min(stop, len(pages))):
        number = pages[index]
        try:
            is_decoded, decoded = cv2.imdecodemulti(data, cv2.IMREAD_COLOR, None, (number, number + 1))
        except cv2.error:
            is_decoded, decoded = False, ()
        if not is_decoded or not decoded:
            raise MediaError(f"page {number + 1} of {path} cannot be decoded: it is damaged; export it again")
        image = np.ascontiguousarray(cv2.cvtColor(decoded[0], cv2.COLOR_BGR2RGB))
        yield Frame(image, index, index * step, step)
