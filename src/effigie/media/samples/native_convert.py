"""Pictures as decoded in other pixel formats: those of an encoder, or RGB for picture files."""

from __future__ import annotations

import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from effigie.media.clip import ColorSpace
from effigie.media.samples.color import convert_frame
from effigie.media.samples.native_picture import NativePicture
from effigie.media.samples.pixel_layout import find_layout
from effigie.media.samples.scene_picture import as_display


def to_frame(picture: NativePicture, pixel_format: str, color: ColorSpace, reformatter: VideoReformatter) -> VideoFrame:
    """The stored picture in a pixel format, of the matrix and range of ``color``; itself where that is its own.

    What is transparent is laid over black if the format has no alpha; what is scene-linear is written as it is shown.
    """
    picture = as_display(picture)
    if picture.is_transparent() and not any(part.is_alpha for part in VideoFormat(pixel_format, 16, 16).components):
        _flatten(picture)
    target = find_layout(pixel_format)
    if target is not None and target.model != picture.layout.model and max(target.bits, picture.layout.bits) > 8:
        return _convert_exactly(picture, pixel_format, color)
    return convert_frame(picture.frame, pixel_format, picture.color, color, reformatter)


def as_rgb(picture: NativePicture) -> NativePicture:
    """The picture in RGB of 8 or 16 bits, with alpha if it has that; itself where it is RGB or grey."""
    picture = as_display(picture)
    if picture.layout.model != "yuv":
        return picture
    deep, alpha = picture.layout.bits > 8, picture.layout.has_alpha
    name = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
    return picture.with_frame(to_frame(picture, name[deep, alpha], picture.color, VideoReformatter()))


def extend_edges(frame: VideoFrame, rows: int, columns: int) -> VideoFrame:
    """The frame with rows and columns added below and at the right that repeat its last ones."""
    layout = find_layout(frame.format.name)
    assert layout is not None
    larger = VideoFrame(frame.width + columns, frame.height + rows, frame.format.name)
    for letter in layout.components:
        samples, room = layout.view(frame, letter), layout.view(larger, letter)
        added = [(0, more - side) for more, side in zip(room.shape, samples.shape, strict=True)]
        room[...] = np.pad(samples, added, mode="edge")
    return larger


def _convert_exactly(picture: NativePicture, pixel_format: str, color: ColorSpace) -> VideoFrame:
    """As :func:`to_frame`, between RGB, Y'CbCr and grey: FFmpeg's scaler makes deep white 0.4 % darker."""
    frame = picture.frame
    whole = slice(0, frame.height), slice(0, frame.width)
    target = NativePicture(VideoFrame(frame.width, frame.height, pixel_format), color)
    layout, signal = target.layout, picture.read_signal(*whole)
    for letter in layout.components:
        black = 1 << (layout.bits - 1) if letter in "uv" else target.luma_levels[0] if letter == "y" else 0
        target.samples(letter)[...] = black << layout.shift
    target.add_difference(*whole, signal, np.ones(signal.shape[:2], bool))
    if layout.has_alpha:
        share = np.float32(layout.max_value / picture.layout.max_value)
        alpha = picture.values("a") * share if picture.layout.has_alpha else np.float32(layout.max_value)
        target.samples("a")[...] = np.rint(alpha).astype(layout.dtype)
    return target.frame


def _flatten(picture: NativePicture) -> None:
    """Multiply the samples by alpha."""
    picture.make_writable()
    layout, alpha = picture.layout, picture.values("a").astype(np.float32) / np.float32(picture.layout.max_value)
    for letter in layout.components.replace("a", ""):
        samples, share = picture.samples(letter), alpha
        zero = 0 if layout.model == "rgb" else picture.luma_levels[0] if letter == "y" else 1 << (layout.bits - 1)
        if samples.shape != alpha.shape:
            share = cv2.resize(alpha, samples.shape[::-1], interpolation=cv2.INTER_AREA)
        samples[...] = np.rint((samples.astype(np.float32) - zero) * share + zero).astype(samples.dtype)
