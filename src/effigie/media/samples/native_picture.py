"""A decoded picture in the footage's own samples, to be edited where a face was made and left alone elsewhere.

What is shown to trackers and networks is R'G'B', which cannot hold all that footage holds: more than 8 bits, what is
brighter than white, colors outside of the gamut, alpha. Therefore nothing is converted back: a change of R'G'B' is
converted, linearly and by the footage's own matrix, range and depth, and added to the samples. Where nothing changed
nothing is added, and every sample is the decoder's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from effigie.edit import Edit
from effigie.media.clip import ColorSpace, Image
from effigie.media.fields import FieldOrder, select_lines
from effigie.media.orientation import Orientation
from effigie.media.pixel_shape import PixelGrid
from effigie.media.samples import chroma
from effigie.media.samples.color import from_rgb, to_rgb
from effigie.media.samples.color_matrix import decode_matrix, encode_matrix, luma_levels
from effigie.media.samples.pixel_layout import Samples, find_layout, to_editable
from effigie.media.tone import ToneCurve, find_tone_curve

Picture = NDArray[np.float32]


class NativePicture:
    """A picture as decoded; rows, columns and sizes are those of the upright picture unless said otherwise.

    Args:
        frame: taken over: edits change its samples.
        color: of the clip.
        orientation: that makes the stored picture upright.
        display_size: (width, height) of the upright picture in square pixels; None if its own are.
        field_order: whether it holds two fields; edits may be of one.
        chroma_location: where its color samples lie, as :class:`~effigie.media.ClipInfo` says.

    Attributes:
        grid: of the square pixels that are shown, over the file's own.
    """

    def __init__(
        self,
        frame: VideoFrame,
        color: ColorSpace,
        orientation: Orientation | None = None,
        display_size: tuple[int, int] | None = None,
        field_order: FieldOrder = "progressive",
        chroma_location: str = "unspecified",
    ) -> None:
        frame = to_editable(frame)
        layout = find_layout(frame.format.name)
        assert layout is not None
        self.frame, self.color, self.layout = frame, color, layout
        self.orientation = orientation or Orientation()
        upright = self.orientation.turn_size(frame.width, frame.height)
        self.grid = PixelGrid(upright, display_size or upright)
        self.field_order = field_order
        self._is_writable = False
        self._chroma_location = chroma_location
        self._sites = chroma.find_sites(layout, color, chroma_location)

    @classmethod
    def from_rgb(cls, image: Image, color: ColorSpace) -> NativePicture:
        """(H, W, 3) uint8 RGB as shown; in HDR through the inverse of what made it so."""
        return cls(from_rgb(image, color), color)

    def with_frame(self, frame: VideoFrame) -> NativePicture:
        """The same picture in other samples, which are taken over."""
        display, order = self.grid.display, self.field_order
        return NativePicture(frame, self.color, self.orientation, display, order, self._chroma_location)

    @contextlib.contextmanager
    def restore_samples(self) -> Iterator[None]:
        """Put the samples back, at the end of the block, to what they were before it."""
        backup = {component: self.samples(component).copy() for component in self.layout.components}
        try:
            yield
        finally:
            self.make_writable()
            for component, samples in backup.items():
                self.samples(component)[...] = samples

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright picture, in square pixels."""
        return self.grid.display[1], self.grid.display[0]

    @property
    def has_square_pixels(self) -> bool:
        return self.grid.is_same

    @property
    def white(self) -> float:
        """What a drawn white is in shown R'G'B': 1, in HDR less."""
        return 1.0 if self._tone is None else self._tone.white

    def samples(self, component: str) -> Samples:
        """(h, w) uint8 or uint16, stored: the values of one component of the layout, a view of the frame's own."""
        return self.layout.view(self.frame, component)

    def to_rgb(self) -> Image:
        """(H, W, 3) uint8 RGB, as trackers and networks are shown it."""
        size = self.orientation.turn_size(*self.grid.display)
        return self.orientation.apply(to_rgb(self.frame, self.color, size, VideoReformatter()))

    def read(self, rows: slice, columns: slice) -> Picture:
        """(h, w, 3) float32 R'G'B' of a box, 0..1 and beyond, without clipping; black where it is transparent."""
        if self.grid.is_same:
            return self._read_upright(rows, columns)
        covered = self.grid.cover(rows, columns)
        return self.grid.stretch(self._read_upright(*covered), covered, rows, columns)

    def apply(self, edits: Iterable[Edit]) -> None:
        """Add the edits to the samples, one after the other; alpha, and what is fully transparent, stays."""
        for edit in edits:
            self.make_writable()
            box, original, output, changed = (edit.rows, edit.columns), edit.input, edit.output, edit.share > 0
            if not self.grid.is_same:
                # What is new replaces the file's own pixels, and not what stretching has made of them.
                rows, columns = box
                box = self.grid.cover(rows, columns)
                share = self.grid.average(edit.share, rows, columns)
                new = self.grid.average(output - original * (1 - edit.share[..., None]), rows, columns)
                original = self._read_upright(*box)
                output, changed = original + new - share[..., None] * original, share > 0
            self._apply_upright(box, original, output, changed, edit.field)

    def _read_upright(self, rows: slice, columns: slice) -> Picture:
        """As :meth:`read`, of a box of the file's own pixels."""
        box = self._stored_box(rows, columns)
        signal = self.read_signal(*box)
        picture = signal if self._tone is None else self._tone.show(signal)
        if self.layout.has_alpha:
            picture *= (self.samples("a")[box] > 0)[..., None]
        return np.asarray(self.orientation.apply(picture), np.float32)

    def _apply_upright(
        self,
        box: tuple[slice, slice],
        original: Picture,
        output: Picture,
        changed: NDArray[np.bool_],
        field: int | None,
    ) -> None:
        rows, columns = self._stored_box(*box)
        original, output, changed = (self.orientation.revert(part) for part in (original, output, changed))
        if self.layout.has_alpha:
            changed = changed & (self.samples("a")[rows, columns] > 0)
        if self._tone is not None:
            original, output = self._tone.restore(original), self._tone.restore(output)
        difference = cv2.copyTo(output - original, changed.view(np.uint8))
        if field is None:
            self.add_difference(rows, columns, difference, changed)
        else:  # a field is a picture of its own, of half the lines in every plane
            lines, rows_of_field = select_lines(difference, rows, field)
            marks = np.ascontiguousarray(select_lines(changed, rows, field)[0])
            self.add_difference(rows_of_field, columns, np.ascontiguousarray(lines), marks, slice(field, None, 2))

    def gray(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """(h, w) uint8 luma, 0 black to 255 white, upright, scaled to ``size`` (width, height)."""
        if self.layout.model == "rgb":
            parts = [
                cv2.resize(self.values(letter), self._turned(size), interpolation=cv2.INTER_AREA) for letter in "rgb"
            ]
            levels = cv2.cvtColor(cv2.merge(parts).astype(np.float32), cv2.COLOR_RGB2GRAY)
            black, white = 0, self.layout.max_value
        else:
            levels = cv2.resize(self.values("y"), self._turned(size), interpolation=cv2.INTER_AREA).astype(np.float32)
            black, white = self.luma_levels
        scale = 255 / (white - black)
        return np.asarray(
            self.orientation.apply(cv2.convertScaleAbs(np.maximum(levels - black, 0), alpha=scale)), np.uint8
        )

    def add_luma(self, levels: Picture, rounding: Picture) -> None:
        """Brighten and darken without touching color.

        Args:
            levels: (H, W) float32, grey levels of which black to white has 255.
            rounding: (H, W) float32 in -0.5..0.5, added in steps of the footage's own depth before rounding.
        """
        self.make_writable()
        rgb = self.layout.model == "rgb"
        black, white = (0, self.layout.max_value) if rgb else self.luma_levels
        if not self.grid.is_same:  # the noise of rounding must stay as strong as it is
            levels = cv2.resize(levels, self.grid.file, interpolation=cv2.INTER_AREA)
            rounding = cv2.resize(rounding, self.grid.file, interpolation=cv2.INTER_NEAREST)
        change = cv2.scaleAdd(levels, (white - black) / 255, rounding)
        change = change if self.orientation == Orientation() else self.orientation.revert(change)
        for letter in "rgb" if rgb else "y":
            self._add(self.samples(letter), change, black, white)

    @property
    def is_hdr(self) -> bool:
        return self._tone is not None

    def exceeds_white(self) -> bool:
        """Whether a sample of luma is brighter than white."""
        return int(self.values("y").max()) > self.luma_levels[1]

    def is_transparent(self) -> bool:
        """Whether a pixel shows something behind it."""
        return self.layout.has_alpha and bool(self.values("a").min() < self.layout.max_value)

    def _stored_box(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        return self.orientation.revert_box(rows, columns, (self.frame.width, self.frame.height))

    def _turned(self, size: tuple[int, int]) -> tuple[int, int]:
        return self.orientation.turn_size(*size)

    @property
    def _tone(self) -> ToneCurve | None:
        return find_tone_curve(self.color.transfer)

    @property
    def luma_levels(self) -> tuple[int, int]:
        """Code values of black and white."""
        return luma_levels(self.color.range, self.layout.bits)

    def values(self, letter: str, rows: slice = slice(None), columns: slice = slice(None)) -> Samples:
        samples = self.samples(letter)[rows, columns]
        return samples >> self.layout.shift if self.layout.shift else np.ascontiguousarray(samples)

    def read_signal(self, rows: slice, columns: slice) -> Picture:
        """(h, w, 3) R'G'B' of a stored box, in the footage's own transfer."""
        layout = self.layout
        if layout.model == "rgb":
            values = cv2.merge([self.values(letter, rows, columns) for letter in "rgb"])
            return np.multiply(values, np.float32(1 / layout.max_value), dtype=np.float32)
        luma = self.values("y", rows, columns).astype(np.float32)
        if layout.model == "gray":
            black, white = self.luma_levels
            return cv2.merge([(luma - black) / np.float32(white - black)] * 3)
        colors = [chroma.upsample(self.values, letter, rows, columns, layout, self._sites) for letter in "uv"]
        matrix = decode_matrix(self.color.matrix, self.color.range, layout.bits)
        return np.asarray(cv2.transform(cv2.merge([luma, *colors]), matrix), np.float32)

    def add_difference(
        self, rows: slice, columns: slice, difference: Picture, changed: NDArray[np.bool_], lines: slice = slice(None)
    ) -> None:
        """Add (h, w, 3) R'G'B' in the footage's own transfer to a stored box; 0 where it is not ``changed``.

        Args:
            rows: of the box among ``lines``, which are those of each plane that the picture has.
        """
        layout = self.layout
        if layout.model == "rgb":
            for number, letter in enumerate("rgb"):
                values = cv2.extractChannel(difference, number) * np.float32(layout.max_value)
                self._add(self.samples(letter)[lines][rows, columns], values, 0, layout.max_value)
            return
        matrix = encode_matrix(self.color.matrix, self.color.range, layout.bits)
        if layout.model == "gray":
            self._add(
                self.samples("y")[lines][rows, columns], cv2.transform(difference, matrix[:1]), *self._legal_levels()
            )
            return
        values = cv2.transform(difference, matrix)
        self._add(self.samples("y")[lines][rows, columns], cv2.extractChannel(values, 0), *self._legal_levels())
        colors, size = np.ascontiguousarray(values[..., 1:]), (len(self.samples("y")[lines]), self.frame.width)
        box, colors = chroma.downsample(colors, changed, rows, columns, size, layout, self._sites)
        for number, letter in enumerate("uv"):
            self._add(self.samples(letter)[lines][box], cv2.extractChannel(colors, number), *self._legal_levels())

    def _legal_levels(self) -> tuple[int, int]:
        """The least and greatest code value of video: limited footage keeps the outermost for synchronization."""
        step = 1 << (self.layout.bits - 8)
        return (0, self.layout.max_value) if self.color.range == "full" else (step, self.layout.max_value - step)

    def _add(self, samples: Samples, change: Picture, low: int, high: int) -> None:
        """Add (h, w) float32 to a view, rounded, within the limits; what lay outside them goes no farther out."""
        shift = self.layout.shift
        values = np.ascontiguousarray(samples) if shift == 0 else samples >> shift
        changed = cv2.add(values, change, dtype=cv2.CV_8U if values.dtype == np.uint8 else cv2.CV_16U)
        limit = cv2.max(values, high)
        cv2.min(changed, limit, dst=changed)
        cv2.max(changed, cv2.min(values, low, dst=limit), dst=changed)
        if shift:  # bits below the value stay as they were
            changed = (changed << shift) | (samples & values.dtype.type((1 << shift) - 1))
        samples[...] = changed

    def make_writable(self) -> None:
        """Have samples of our own: decoders keep theirs as references of what follows."""
        if not self._is_writable:
            self.frame.make_writable()
            self._is_writable = True
