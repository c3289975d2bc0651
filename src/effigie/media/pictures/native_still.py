"""Reads and writes picture files with the samples that they hold: 8 or 16 bits, grey or color, with alpha."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from effigie.media.clip import ColorSpace, Image
from effigie.media.pictures.signature import read_kind
from effigie.media.samples.color import flatten_alpha
from effigie.media.samples.native_convert import to_frame
from effigie.media.samples.native_picture import NativePicture, Picture

_FORMATS = {(1, 1): "gray", (1, 2): "gray16le", (3, 1): "rgb24", (3, 2): "rgb48le", (4, 1): "rgba", (4, 2): "rgba64le"}
"""By channels and bytes a sample."""


def read_native_still(path: Path, transparent: bool, color: ColorSpace) -> tuple[Image, NativePicture] | None:
    """A picture as (H, W, 3) uint8 RGB and as stored, both upright; None where its samples are no integers.

    Args:
        transparent: whether the file has alpha; then no EXIF turn is honored, which cameras write without alpha.
    """
    flags = cv2.IMREAD_UNCHANGED if transparent else cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
    try:
        samples = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    except cv2.error:
        return None
    channels = 0 if samples is None else 1 if samples.ndim == 2 else samples.shape[2]
    if samples is None or (channels, samples.itemsize) not in _FORMATS or samples.dtype.kind != "u":
        return None
    if channels > 1:
        samples = cv2.cvtColor(samples, cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(samples), format=_FORMATS[channels, samples.itemsize])
    native = NativePicture(frame, replace(color, range="full") if channels == 1 else color)
    if channels == 4:
        return flatten_alpha(samples), native
    image = cv2.convertScaleAbs(samples, alpha=1 / 257) if samples.dtype == np.uint16 else samples
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if channels == 1 else image, native


def read_float_still(path: Path) -> Picture | None:
    """(H, W, 3) float32 of a TIFF of floats, as stored; None for any other picture."""
    if read_kind(path) not in ("tiff", "pages"):
        return None
    try:
        samples = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if samples is None or samples.dtype.kind != "f":
        return None
    if samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    return np.ascontiguousarray(samples[..., 2::-1], np.float32)


def to_picture_samples(picture: NativePicture, deep: bool, alpha: bool) -> np.ndarray:
    """(H, W), (H, W, 3) or (H, W, 4) for a picture file, upright, in the order of OpenCV (BGR).

    Args:
        deep: whether the file may hold uint16; else uint8.
        alpha: whether it may hold transparency; else that is laid over black.
    """
    layout = picture.layout
    channels = 1 if layout.components == "y" else 4 if alpha and layout.has_alpha else 3
    name = _FORMATS[channels, 2 if deep and layout.bits > 8 else 1]
    full = replace(picture.color, range="full")
    samples = to_frame(picture, name, full, VideoReformatter()).to_ndarray()
    if channels > 1:
        samples = cv2.cvtColor(samples, cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA)
    return picture.orientation.apply(samples)
