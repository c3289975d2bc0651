"""Reads and writes OpenEXR pictures, by the OpenEXR package, which is an extra."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from effigie.errors import MediaError, UsageError
from effigie.io.atomic_write import WRITE_ERRNOS
from effigie.media.container import check_picture_size
from effigie.media.pictures.exr_header import LOSSY, Attributes, ExrHeader, read_exr_header

Picture = NDArray[np.float32]
MAX_HALF = 65504.0
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Shares of R, G and B in the light of grey (ITU-R BT.709)."""
# Says how the file is laid out, which may differ where it is written again, and is no property of the picture.
_LAYOUT = {"compression", "chunkCount", "lineOrder", "tiles", "type", "preview", "version", "dwaCompressionLevel"}


def require_openexr(need: str = "layers need") -> Any:
    """The package; UsageError, with the command that installs it, where it is missing."""
    try:
        import OpenEXR
    except ImportError:
        raise UsageError(f"{need} the package OpenEXR: pip install 'effigie[film]'") from None
    return OpenEXR


@dataclass(frozen=True)
class ExrDescription:
    """What an EXR file shows.

    Attributes:
        width, height: of the display window, in the file's pixels.
        pixel_format: ``gbrpf16le`` or ``gbrpf32le``, or ``grayf16le`` or ``grayf32le``, by FFmpeg's names.
        pixel_aspect: width of a pixel over its height.
        rate: frames a second, where the file says so.
        timecode, reel: as in :class:`~effigie.media.ClipInfo`.
        part: that holds the color.
        channels: names of red, green and blue, or of luma alone.
        others: names of all other channels, with those of other parts.
    """

    width: int
    height: int
    pixel_format: str
    pixel_aspect: Fraction
    rate: Fraction | None
    timecode: str | None
    reel: str | None
    part: int
    channels: tuple[str, ...]
    spare_channels: tuple[str, ...]


def describe_exr(path: Path) -> ExrDescription:
    """Describe an EXR picture by its header.

    Raises:
        MediaError: damaged, unfinished, of no color, or of a kind that cannot be edited.
        UsageError: the package is missing.
    """
    require_openexr("EXR pictures need")
    return _describe(path, read_exr_header(path))


def read_exr(path: Path) -> Picture:
    """(H, W, 3) float32 R, G and B of the display window, scene-linear as stored; 0 where the file has no pixels."""
    with _open(path) as (file, description, header):
        return _place(file, description, header)


def rewrite_exr(path: Path, source: Path, rgb: Picture) -> list[str]:
    """Write a picture of the footage again with other colors; all that did not change is the footage's to the last bit.

    Args:
        path: of the new file.
        source: the footage's own, of which everything else is taken: other channels and parts, windows, header.
        rgb: (H, W, 3) of :func:`read_exr`, changed in places.

    Returns:
        What could not be carried over, a sentence each.
    """
    package = require_openexr("EXR pictures need")
    notes = []
    with _open(source) as (file, description, header):
        original = _place(file, description, header)
        changed = original.view(np.uint32) != np.ascontiguousarray(rgb).view(np.uint32)
        inside, window = _overlap(header, description.part)
        channels = file.parts[description.part].channels
        for number, name in enumerate(description.channels):
            samples = channels[name].pixels
            values, mask = rgb[window], changed[window]
            if len(description.channels) == 1:
                new, mask = values @ LUMA, mask.any(axis=2)
            else:
                new, mask = values[..., number], mask[..., number]
            if samples.dtype == np.float16:
                new = np.clip(new, -MAX_HALF, MAX_HALF)
            np.copyto(samples[inside], new.astype(samples.dtype), where=mask)
        parts = []
        for part, attributes in zip(file.parts, header.parts, strict=True):
            fields, losses = _keep_header(package, part.header, attributes)
            notes += losses
            parts.append((fields, part.channels))
        _write(package, path, parts, notes)
    output_header = read_exr_header(path)
    for source_attributes, output_attributes in zip(header.parts, output_header.parts, strict=True):
        different = [
            name
            for name in source_attributes
            if name not in _LAYOUT and output_attributes.get(name) != source_attributes[name]
        ]
        if different:
            notes.append(f"of the EXR header these could not be carried over: {', '.join(sorted(different))}")
    return list(dict.fromkeys(notes))


def write_exr(path: Path, rgba: NDArray[Any], pixel_aspect: float, attributes: Mapping[str, str]) -> None:
    """Write a picture with alpha.

    Args:
        rgba: (H, W, 4) float32, of any value.
        attributes: texts for the header.

    Raises:
        OSError: no room, no permission; its number says which.
        MediaError: the package refuses the picture.
    """
    package = require_openexr()
    header = {
        "compression": package.ZIP_COMPRESSION,
        "type": package.scanlineimage,
        "pixelAspectRatio": pixel_aspect,
        **attributes,
    }
    with _convert_errors(path):
        package.File(header, {"RGBA": np.ascontiguousarray(rgba)}).write(os.fspath(path))


def _write(package: Any, path: Path, parts: list[tuple[dict[str, Any], Any]], notes: list[str]) -> None:
    """Write the parts; an attribute that the package cannot write is left out and comes back in ``notes``."""
    while True:
        try:
            # The package exchanges what is in the dictionaries, and so is given copies.
            new_parts = [
                package.Part(dict(header), dict(channels), header.get("name", "")) for header, channels in parts
            ]
            with _convert_errors(path):
                package.File(new_parts).write(os.fspath(path))
            return
        except (RuntimeError, TypeError, ValueError) as error:
            words = str(error).split("'")
            guilty = words[1] if "attribute" in words[0] and len(words) > 1 else ""
            if not any(header.pop(guilty, None) is not None for header, _ in parts):
                raise MediaError(
                    f"cannot write {path} ({' '.join(str(error).split())}): use --frame-files png"
                ) from error


@contextlib.contextmanager
def _convert_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        # The package has the system's words alone; who writes folders wants the number.
        for number in WRITE_ERRNOS:
            if os.strerror(number) in str(error):
                raise OSError(number, os.strerror(number), os.fspath(path)) from error
        if "attribute" in str(error):
            raise
        raise MediaError(f"cannot write {path} ({' '.join(str(error).split())}): choose another folder") from error


@contextlib.contextmanager
def _open(path: Path) -> Iterator[tuple[Any, ExrDescription, ExrHeader]]:
    package = require_openexr("EXR pictures need")
    header = read_exr_header(path)
    description = _describe(path, header)
    try:
        with package.File(os.fspath(path), separate_channels=True) as file:
            if len(file.parts) != len(header.parts):
                raise ValueError("parts are missing")
            yield file, description, header
    except (RuntimeError, ValueError, KeyError) as error:
        raise MediaError(f"{path} cannot be decoded: it is damaged or cut short; render or copy it again") from error


def _describe(path: Path, header: ExrHeader) -> ExrDescription:
    if header.is_deep:
        raise MediaError(f"{path} is a deep EXR, whose pixels lie behind each other: flatten it first")
    part, names = _find_color(path, header)
    attributes, own = header.parts[part], header.channels(part)
    _, _, width, height = header.window(part, "displayWindow")
    check_picture_size(width, height, path)
    check_picture_size(*header.window(part, "dataWindow")[2:], path)
    deep = "f32le" if any(own[name][0] == "float" for name in names) else "f16le"
    spare_channels = [
        name if number == part else f"{_read_text(values, 'name')}:{name}"
        for number, values in enumerate(header.parts)
        for name in header.channels(number)
        if number != part or name not in names
    ]
    return ExrDescription(
        width,
        height,
        ("gbrp" if len(names) == 3 else "gray") + deep,
        _read_aspect(attributes),
        _read_rate(attributes),
        _read_timecode(attributes),
        _read_text(attributes, "reelName") or _read_text(attributes, "reel") or None,
        part,
        names,
        tuple(spare_channels),
    )


def _find_color(path: Path, header: ExrHeader) -> tuple[int, tuple[str, ...]]:
    """The part and the names of the channels that show the picture: R, G, B, or one layer's, or Y alone."""
    layers = []
    for number in range(len(header.parts)):
        own = header.channels(number)
        usable = {name for name, (kind, across, down) in own.items() if kind != "uint" and across == down == 1}
        reds = [name[:-1] for name in own if name == "R" or name.endswith(".R")]
        layers += [(number, one) for one in reds if {f"{one}R", f"{one}G", f"{one}B"} <= usable]
    plain = [layer for layer in layers if not layer[1]]
    if plain or len(layers) == 1:
        number, one = (plain or layers)[0]
        return number, (f"{one}R", f"{one}G", f"{one}B")
    first = header.channels(0)
    if not layers and "Y" in first and "RY" not in first and first["Y"][0] != "uint":
        return 0, ("Y",)
    channel_names = ", ".join(name for number in range(len(header.parts)) for name in list(header.channels(number))[:6])
    raise MediaError(
        f"{path} has no channels R, G and B of half or float to show ({channel_names}): write them in one layer"
    )


def _overlap(header: ExrHeader, part: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where the stored pixels lie that are shown: in the data window, and in the display window."""
    data, display = header.window(part, "dataWindow"), header.window(part, "displayWindow")
    pairs = []
    for axis in (1, 0):
        start = max(data[axis], display[axis])
        stop = max(start, min(data[axis] + data[axis + 2], display[axis] + display[axis + 2]))
        pairs.append((slice(start - data[axis], stop - data[axis]), slice(start - display[axis], stop - display[axis])))
    return (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])


def _place(file: Any, description: ExrDescription, header: ExrHeader) -> Picture:
    inside, window = _overlap(header, description.part)
    rgb = np.zeros((description.height, description.width, 3), np.float32)
    for number in range(3):
        name = description.channels[min(number, len(description.channels) - 1)]
        rgb[..., number][window] = file.parts[description.part].channels[name].pixels[inside]
    return rgb


def _keep_header(package: Any, header: Mapping[str, Any], attributes: Attributes) -> tuple[dict[str, Any], list[str]]:
    """A header to write, and what of it is not as it was, a sentence each."""
    notes = []
    fields = {name: value for name, value in header.items() if name not in ("channels", "chunkCount", "preview")}
    if "preview" in header:
        notes.append("the small preview in the EXR header was left out: it shows the footage as it was")
    compression = attributes["compression"][1][0]
    if compression in LOSSY:
        fields["compression"] = package.ZIP_COMPRESSION
        notes.append(
            f"the EXR files were compressed with {LOSSY[compression]}, which changes every pixel when it is written "
            "again: written with ZIP, without loss"
        )
    return fields, notes


def _read_aspect(attributes: Attributes) -> Fraction:
    if "pixelAspectRatio" not in attributes:
        return Fraction(1)
    value = struct.unpack("<f", attributes["pixelAspectRatio"][1])[0]
    return Fraction(value).limit_denominator(1000) if 0.01 <= value <= 100 else Fraction(1)


def _read_rate(attributes: Attributes) -> Fraction | None:
    kind, value = attributes.get("framesPerSecond", ("", b""))
    if kind != "rational" or len(value) != 8:
        return None
    numerator, denominator = struct.unpack("<iI", value)
    return Fraction(numerator, denominator) if numerator > 0 and denominator else None


def _read_timecode(attributes: Attributes) -> str | None:
    """``hh:mm:ss:ff`` of SMPTE 12M, coded in decimals of four bits."""
    kind, value = attributes.get("timeCode", ("", b""))
    if kind != "timecode" or len(value) != 8:
        return None
    bits = struct.unpack("<I", value[:4])[0]

    def read(shift: int, tens: int) -> int:
        return (bits >> shift & 15) + 10 * (bits >> (shift + 4) & tens)

    drops = bits >> 6 & 1
    hours, minutes, seconds, frames = read(24, 3), read(16, 7), read(8, 7), read(0, 3)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if drops else ':'}{frames:02d}"


def _read_text(attributes: Attributes, name: str) -> str:
    kind, value = attributes.get(name, ("", b""))
    return value.decode("utf-8", "replace") if kind == "string" else ""
