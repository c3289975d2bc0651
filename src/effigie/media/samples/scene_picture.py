"""A picture of scene-linear floats (EXR, TIFF), edited as others are: where nothing was made, nothing changes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from effigie.media.clip import ColorSpace, Image
from effigie.media.orientation import Orientation
from effigie.media.pixel_shape import PixelGrid
from effigie.media.samples import chroma
from effigie.media.samples.native_picture import NativePicture, Picture
from effigie.media.samples.pixel_layout import SCENE_LAYOUT, find_layout
from effigie.media.view_transfer import ViewCurve


class ScenePicture(NativePicture):
    """Scene-linear R, G and B of 32-bit floats.

    Args:
        light: (H, W, 3) float32, of any value; copied.
        color: that of the picture as it is shown.
        curve: by which it is shown.
        display_size: (width, height) in square pixels; None if its own are.
    """

    def __init__(
        self, light: Picture, color: ColorSpace, curve: ViewCurve, display_size: tuple[int, int] | None = None
    ) -> None:
        height, width = light.shape[:2]
        self.frame, self.color, self.layout = VideoFrame(width, height, SCENE_LAYOUT.name), color, SCENE_LAYOUT
        self.orientation = Orientation()
        self.grid = PixelGrid((width, height), display_size or (width, height))
        self.field_order = "progressive"
        self._is_writable = True
        self._chroma_location = "unspecified"
        self._sites = chroma.find_sites(SCENE_LAYOUT, color, "unspecified")
        self._curve = curve
        for number, letter in enumerate("rgb"):
            self.samples(letter)[...] = light[..., number]

    @property
    def light(self) -> Picture:
        """(H, W, 3) float32: a copy of the samples."""
        return np.asarray(cv2.merge([np.ascontiguousarray(self.samples(letter)) for letter in "rgb"]), np.float32)

    def with_frame(self, frame: VideoFrame) -> NativePicture:
        """A picture in integer samples, which are taken over, of the same shape, as this one is shown."""
        return NativePicture(frame, self.color, None, self.grid.display)

    def to_display(self) -> NativePicture:
        """The picture as it is shown, in RGB of 16 bits; what lies beyond 0..1 is cut off."""
        frame = VideoFrame(self.frame.width, self.frame.height, "rgb48le")
        layout = find_layout("rgb48le")
        assert layout is not None
        for letter in "rgb":
            display = np.clip(self._curve.show(self.samples(letter)), 0, 1)
            layout.view(frame, letter)[...] = np.rint(display * layout.max_value)
        return self.with_frame(frame)

    def to_rgb(self) -> Image:
        with np.errstate(over="ignore", invalid="ignore"):
            bits = self.light.astype(np.float16).view(np.uint16)
        image = self._curve.bytes_table[bits]
        if not self.grid.is_same:
            image = cv2.resize(image, self.grid.display, interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(image, np.uint8)

    @property
    def is_hdr(self) -> bool:
        return False

    @property
    def white(self) -> float:
        return 1.0

    def exceeds_white(self) -> bool:
        """Whether a sample is brighter than 1."""
        return any(float(np.nanmax(self.samples(letter))) > 1 for letter in "rgb")

    def gray(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        image = cv2.resize(self.to_rgb(), size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)

    def add_luma(self, levels: Picture, rounding: Picture) -> None:
        """As of :class:`NativePicture`, in levels of what is shown; what lies beyond 0..1 stays as it is."""
        if not self.grid.is_same:
            levels = cv2.resize(levels, self.grid.file, interpolation=cv2.INTER_AREA)
        for letter in "rgb":
            samples = self.samples(letter)
            display = self._curve.show(samples)
            changed = self._curve.restore(np.clip(display + levels / np.float32(255), 0, 1))
            with np.errstate(invalid="ignore"):
                np.copyto(samples, changed, where=(samples >= 0) & (samples <= 1) & (levels != 0))

    def add_difference(
        self, rows: slice, columns: slice, difference: Picture, changed: NDArray[np.bool_], lines: slice = slice(None)
    ) -> None:
        for number, letter in enumerate("rgb"):
            samples, added = self.samples(letter)[lines][rows, columns], difference[..., number]
            with np.errstate(invalid="ignore", over="ignore"):
                np.copyto(samples, samples + added, where=changed & (added != 0) & np.isfinite(samples))

    @property
    def _tone(self) -> Any:
        return self._curve


def as_display(picture: NativePicture) -> NativePicture:
    """A scene-linear picture as it is shown; any other as it is."""
    return picture.to_display() if isinstance(picture, ScenePicture) else picture
