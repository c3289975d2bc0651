"""Conversion between YUV and RGB by the clip's own matrix and range, in both directions."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from effigie.media import defaults
from effigie.media.clip import ColorSpace, Image, LumaRange
from effigie.media.samples.color_matrix import luma_levels
from effigie.media.samples.pixel_layout import find_layout
from effigie.media.tone import find_tone_curve

# ITU-T H.273 code points, as libavutil numbers them.
MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
# fmt: off
PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428",
    11: "smpte431", 12: "smpte432", 22: "ebu3213",
}
TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316",
    11: "iec61966-2-4", 12: "bt1361", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}
# fmt: on
UNSPECIFIED = 2

_MATRIX_CODES = {"bt709": 1, "fcc": 4, "bt601": 6, "smpte240m": 7, "bt2020": 9}
_PRIMARIES_CODES = {name: code for code, name in PRIMARIES.items()}
_TRANSFER_CODES = {name: code for code, name in TRANSFERS.items()}
_SCALER_COLORSPACES = {
    "bt709": Colorspace.ITU709,
    "fcc": Colorspace.FCC,
    "bt601": Colorspace.ITU601,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020": Colorspace.BT2020,
}

# Without the last three a flat colour comes back up to 4 levels off instead of 2 (7 against 0.4 ms at 720p).
_SCALER_FLAGS = (
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


def guess_color(height: int) -> ColorSpace:
    """Guess the colour space of material that declares none by its number of lines, as players do."""
    return ColorSpace(matrix=defaults.choose_matrix(height), matrix_declared=False)


def choose_rgb_color(height: int) -> ColorSpace:
    """Choose the colour space in which RGB material (GIF, PNG) is written as video, and declared."""
    return ColorSpace(matrix=guess_color(height).matrix)


def read_color(context: VideoCodecContext) -> ColorSpace:
    """Read the colour space that a stream declares; what it leaves open is guessed."""
    matrix = MATRICES.get(int(context.colorspace))
    # FFmpeg holds grey for full range whatever a stream says, and scales it so.
    full = int(context.color_range) == ColorRange.JPEG or (context.pix_fmt or "").startswith(("yuvj", "gray", "ya"))
    return ColorSpace(
        range="full" if full else "limited",
        matrix=matrix or guess_color(context.height).matrix,
        primaries=PRIMARIES.get(int(context.color_primaries), "unspecified"),
        transfer=TRANSFERS.get(int(context.color_trc), "unspecified"),
        matrix_declared=matrix is not None,
    )


def write_color(context: VideoCodecContext, color: ColorSpace) -> None:
    context.color_range = int(_color_range(color))
    context.colorspace = _MATRIX_CODES[color.matrix] if color.matrix_declared else UNSPECIFIED
    context.color_primaries = _PRIMARIES_CODES.get(color.primaries, UNSPECIFIED)
    context.color_trc = _TRANSFER_CODES.get(color.transfer, UNSPECIFIED)


def write_frame_color(frame: VideoFrame, color: ColorSpace) -> None:
    """Tag a frame: some encoders (ProRes) write what its frames say, and not what they were told."""
    rgb = frame.format.is_rgb
    frame.color_range = int(ColorRange.JPEG if rgb else _color_range(color))
    frame.colorspace = 0 if rgb else _MATRIX_CODES[color.matrix] if color.matrix_declared else UNSPECIFIED
    frame.color_primaries = _PRIMARIES_CODES.get(color.primaries, UNSPECIFIED)
    frame.color_trc = _TRANSFER_CODES.get(color.transfer, UNSPECIFIED)


def to_rgb(frame: VideoFrame, color: ColorSpace, size: tuple[int, int], reformatter: VideoReformatter) -> Image:
    """Convert a frame to (H, W, 3) uint8 RGB at ``size`` (width, height), transparency over black.

    HDR is shown through :mod:`~effigie.media.tone`, as SDR would look.
    """
    transparent = any(component.is_alpha for component in frame.format.components)
    tone = find_tone_curve(color.transfer)
    deep = frame.format.is_rgb and max(component.bits for component in frame.format.components) > 8
    # Into planes the scaler is twice as fast as into interleaved bytes, which it writes one by one: the same values.
    planar = not frame.format.is_rgb and not transparent
    if tone is not None or deep:
        target = "gbrap16le" if transparent else "gbrp16le"
    else:
        target = "gbrp" if planar else "rgba" if transparent else "rgb24"
    converted = _scale_to_rgb(frame, color, size, target, reformatter)
    if target in ("rgba", "rgb24"):
        rgb = converted.to_ndarray().astype(np.uint8, copy=False)
    else:
        layout = find_layout(target)
        assert layout is not None
        planes = [layout.view(converted, letter) for letter in layout.components]
        if layout.bits > 8:
            white = _find_white(frame.format.name, color.range)
            table = _bytes_table(white) if tone is None else tone.bytes_table(white)
            planes = [table[plane] for plane in planes[:3]] + [_bytes_table(65535)[plane] for plane in planes[3:]]
        rgb = np.asarray(cv2.merge(planes), np.uint8)
    return flatten_alpha(rgb) if transparent else rgb


def _scale_to_rgb(
    frame: VideoFrame, color: ColorSpace, size: tuple[int, int], target: str, reformatter: VideoReformatter
) -> VideoFrame:
    return reformatter.reformat(
        frame,
        width=size[0],
        height=size[1],
        format=target,
        src_colorspace=None if frame.format.is_rgb else _SCALER_COLORSPACES[color.matrix],
        src_color_range=ColorRange.JPEG if frame.format.is_rgb else _color_range(color),
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALER_FLAGS,
        threads=1,
    )


@functools.cache
def _find_white(pixel_format: str, value_range: LumaRange) -> int:
    """What the scaler makes of white in 16 bits: up to 0.4 % less than 65535, by format."""
    frame = VideoFrame(16, 16, pixel_format)
    editable = find_layout(pixel_format)
    if editable is None:
        return 65535
    for letter in editable.components:
        value = luma_levels(value_range, editable.bits)[1] if letter == "y" else editable.max_value
        editable.view(frame, letter)[...] = (1 << (editable.bits - 1) if letter in "uv" else value) << editable.shift
    layout = find_layout("gbrp16le")
    assert layout is not None
    color = ColorSpace(range=value_range)
    return int(layout.view(_scale_to_rgb(frame, color, (16, 16), layout.name, VideoReformatter()), "g")[8, 8])


@functools.cache
def _bytes_table(white: int) -> NDArray[np.uint8]:
    """(65536,) whole levels of 255 for 16-bit values of which ``white`` is white."""
    return np.rint(np.minimum(np.arange(65536) / white, 1) * 255).astype(np.uint8)


def from_rgb(image: Image, color: ColorSpace) -> VideoFrame:
    """An (H, W, 3) uint8 RGB picture as a frame; in 16 bits, through the inverse tone curve, where a clip is HDR."""
    tone = find_tone_curve(color.transfer)
    if tone is not None:
        return VideoFrame.from_ndarray(tone.signal_table[image], format="rgb48le")
    return VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")


def convert_frame(
    frame: VideoFrame, pixel_format: str, source: ColorSpace, target: ColorSpace, reformatter: VideoReformatter
) -> VideoFrame:
    """A frame in another pixel format: the same samples where they fit, in the same matrix and range or in others'."""
    name = frame.format.name
    if name == pixel_format:
        return frame
    if name.replace("yuvj", "yuv") == pixel_format and source.range == target.range:
        return _rename(frame, pixel_format)
    rgb = frame.format.is_rgb, VideoFormat(pixel_format, 16, 16).is_rgb
    return reformatter.reformat(
        frame,
        format=pixel_format,
        src_colorspace=None if rgb[0] else _SCALER_COLORSPACES[source.matrix],
        src_color_range=ColorRange.JPEG if rgb[0] else _color_range(source),
        dst_colorspace=None if rgb[1] else _SCALER_COLORSPACES[target.matrix],
        dst_color_range=ColorRange.JPEG if rgb[1] else _color_range(target),
        interpolation=_SCALER_FLAGS,
        threads=1,
    )


def _rename(frame: VideoFrame, pixel_format: str) -> VideoFrame:
    """The same planes under another name: FFmpeg calls full range yuvj420p, and would scale it to yuv420p."""
    source_layout, target_layout = find_layout(frame.format.name), find_layout(pixel_format)
    assert source_layout is not None and target_layout is not None
    renamed = VideoFrame(frame.width, frame.height, pixel_format)
    for letter in target_layout.components:
        target_layout.view(renamed, letter)[...] = source_layout.view(frame, letter)
    return renamed


def flatten_alpha(rgba: np.ndarray) -> Image:
    """Composite (H, W, 4) uint8 or uint16 with straight alpha over black; returns (H, W, 3) uint8."""
    if rgba.dtype == np.uint16:
        values = rgba.astype(np.float32) * np.float32(1 / 65535)
        return np.rint(255 * values[..., :3] * values[..., 3:]).astype(np.uint8)
    alpha = rgba[..., 3:]
    if alpha.size == 0 or alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    return ((rgba[..., :3].astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


def _color_range(color: ColorSpace) -> ColorRange:
    return ColorRange.JPEG if color.range == "full" else ColorRange.MPEG
