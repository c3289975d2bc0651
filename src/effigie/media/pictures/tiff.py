"""Writes TIFF pictures with what another TIFF says beside its pixels, by tifffile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# ImageDescription, Make, Model, Software, DateTime, Artist, HostComputer, XMP, Copyright, IPTC, Photoshop, ICC profile,
# WhiteLevel, reel and timecode of film scanners (TIFF/EP TimeCodes, FrameRate, TStop, ReelName, CameraLabel).
_KEPT = {
    *(270, 271, 272, 305, 306, 315, 316, 700, 33432, 33723, 34377, 34675, 50717),
    *(51043, 51044, 51058, 51081, 51105),
}
# How pixels are stored, resolution (given by itself), and the turn, which has been applied.
_STORAGE = {
    *(254, 255, 256, 257, 258, 259, 262, 266, 269, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 296, 297, 317),
    *(320, 322, 323, 324, 325, 338, 339, 340, 341, 347, 529, 530, 531, 532, 34665, 52545),
}
_COMPRESSED = 8  # deflate


def write_tiff(path: Path, samples: NDArray[Any], source: Path) -> list[str]:
    """Write a picture, deflated unless the source is uncompressed; nothing is lost by it.

    Args:
        samples: (H, W), (H, W, 3) or (H, W, 4): grey, R G B, and alpha, of any type that TIFF has.
        source: a TIFF of which descriptions, profile and resolution are taken.

    Returns:
        What could not be carried over, a sentence each.
    """
    import tifffile

    with tifffile.TiffFile(source) as file:
        tags = file.pages[0].tags  # type: ignore[union-attr]
        source_tags = [_copy(tag) for tag in tags if tag.code in _KEPT]
        left = sorted({tag.name for tag in tags if tag.code not in _KEPT and tag.code not in _STORAGE})
        options: dict[str, Any] = {}
        if 282 in tags and 283 in tags:
            options["resolution"] = tags[282].value, tags[283].value
            options["resolutionunit"] = int(tags[296].value) if 296 in tags else 2
        if samples.ndim == 3 and samples.shape[2] == 4:
            declared = tags[338].value[0] if 338 in tags else 2
            options["extrasamples"] = [int(declared) or 2]
        if 259 in tags and int(tags[259].value) != 1:
            options["compression"] = _COMPRESSED
            options["predictor"] = samples.dtype.kind == "u"
    tifffile.imwrite(
        path,
        np.ascontiguousarray(samples),
        photometric="minisblack" if samples.ndim == 2 else "rgb",
        planarconfig=None if samples.ndim == 2 else "contig",
        metadata=None,
        software=False,
        extratags=source_tags,
        **options,
    )
    return [f"of the TIFF tags these were left out: {', '.join(left)}"] if left else []


def _copy(tag: Any) -> tuple[int, int, int | None, Any, bool]:
    value = tag.value
    if isinstance(value, str):
        value = value.encode("utf-8")
    elif isinstance(value, tuple) and value and isinstance(value[0], str):
        value = value[0].encode("utf-8")
    count = None if int(tag.dtype) == 2 else len(value) if isinstance(value, bytes) else tag.count
    return tag.code, int(tag.dtype), count, value, True
