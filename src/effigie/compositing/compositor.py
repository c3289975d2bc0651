"""Composes a made face into its frame: region, colour, temporal filter, motion blur, grain, blend, paste."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.compositing import color, grain
from effigie.compositing.blend import blend
from effigie.compositing.canvas import Canvas
from effigie.compositing.complexion import fit_complexion
from effigie.compositing.config import ComposeSettings
from effigie.compositing.mask import bounding_box, build_mask
from effigie.compositing.motion_blur import MotionBlur
from effigie.compositing.paint import MaskPaint
from effigie.compositing.region import (
    Image,
    Region,
    compute_working_size,
    frame_coverage,
    resize_square,
    to_float_image,
    warp_to_crop,
    warp_to_region,
)
from effigie.compositing.skin_tone import FeatureMasks, carry_over, measure_tone
from effigie.compositing.temporal import MAX_FLOW_SIZE, ExponentialAverage, MotionCompensatedFilter
from effigie.compositing.window import CropWindow

REPEAT_CELLS = 16  # a side, in which a face's region is compared with that of the frame before
MAX_REPEAT_DIFFERENCE = 4.0  # grey levels of 255, mean of a cell: coding alone leaves 0.05 to 0.3
FRONT_MARGIN = 7  # px of the made face: a box around glasses that are on it
# How far glasses follow the gains of the skin around them, of a face that is enlarged by a quarter or more: wholly,
# rims turn into black strokes with pale edges; not at all, they look out of focus. Those of other faces are sharp.
FRONT_MATCH, FRONT_ENLARGEMENT = 0.5, 0.25
REGION_MARGIN = 4  # px of footage around the mask, for the filters' sake


class _PlacedFace(NamedTuple):
    """A made face as it lies in its region of the frame.

    Attributes:
        picture: (h, w, 3) float32 in 0..1.
        share: (h, w) float32 in 0..1, the final mask.
        footage: (h, w, 3) uint8, a view of the frame as it was shown.
    """

    region: Region
    picture: NDArray[np.float32]
    share: NDArray[np.float32]
    footage: NDArray[np.uint8]


class Compositor:
    """Composes one person's made faces into frames, in order; one instance a track, for it keeps state between frames.

    Example::

        compositor = Compositor()
        for frame in clip:
            if frame.cut: compositor.reset()
            picture = compositor.compose(frame.picture, face, outline, matrix, frame.time)
    """

    def __init__(self, settings: ComposeSettings | None = None) -> None:
        self.settings = settings or ComposeSettings()
        self._color_smoother = color.ColorSmoother(self.settings.color_time)
        self._grain_smoother = ExponentialAverage(self.settings.color_time)
        self._gains: NDArray[Any] | None = None
        self._frames_since_measurement = 0
        self._temporal_filter = MotionCompensatedFilter(self.settings.temporal)
        self._motion_blur = MotionBlur(self.settings.motion_blur)
        self._count = 0
        self._placed: _PlacedFace | None = None

    def reset(self) -> None:
        """Forget the frames before: call at a cut."""
        self._color_smoother.reset()
        self._grain_smoother.reset()
        self._gains = None
        self._temporal_filter.reset()
        self._motion_blur.reset()
        self._placed = None

    def adjust(self, settings: ComposeSettings) -> None:
        """Use other settings from the next frame on; what is remembered of the frames before stays."""
        self.settings = settings
        self._color_smoother.time_constant = self._grain_smoother.time_constant = settings.color_time
        self._temporal_filter.strength = settings.temporal
        self._motion_blur.strength = settings.motion_blur

    def compose(
        self,
        frame: NDArray[np.uint8],
        face: NDArray[Any],
        mask: NDArray[np.float32],
        matrix: NDArray[Any],
        time: Fraction | None = None,
        visible: NDArray[np.float32] | None = None,
    ) -> NDArray[np.uint8]:
        """The frame with the made face in it.

        Args:
            frame: (H, W, 3) RGB uint8; not changed.
            face: (S, S, 3) RGB, uint8 or float32 in 0..1.
            mask: (S, S) float32 in 0..1, the face's outline.
            matrix: (2, 3) frame px to crop px.
            time: s; also seeds the grain, so that a frame has the same grain whoever renders it. None counts frames.
            visible: (S, S) float32 in 0..1, 0 where a hand or hair covers the face; None if nothing does.

        Returns:
            (H, W, 3) uint8, new; bit-identical to ``frame`` wherever the final mask is 0.
        """
        return self.compose_masked(frame, face, mask, matrix, time, visible)[0]

    def compose_masked(
        self,
        frame: NDArray[np.uint8],
        face: NDArray[Any],
        mask: NDArray[np.float32],
        matrix: NDArray[Any],
        time: Fraction | None = None,
        visible: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """As :meth:`compose`, and the final mask: (H, W) uint8, 255 where the made face shows alone.

        It is 0 exactly where the frame is untouched: the faintest share of the face counts as 1.
        """
        canvas = Canvas(frame)
        alpha_map = self.compose_onto(canvas, face, mask, matrix, time, visible)
        return canvas.image if canvas.edits else frame.copy(), alpha_map

    def compose_onto(
        self,
        canvas: Canvas,
        face: NDArray[Any],
        mask: NDArray[np.float32],
        matrix: NDArray[Any],
        time: Fraction | None = None,
        visible: NDArray[np.float32] | None = None,
        matte: NDArray[np.float32] | None = None,
        features: FeatureMasks | None = None,
        interior: NDArray[np.float32] | None = None,
        paint: MaskPaint | None = None,
        front: NDArray[np.float32] | None = None,
    ) -> NDArray[np.uint8]:
        """Put the made face onto a canvas, and return the final mask: (H, W) uint8 as of :meth:`compose_masked`.

        Args:
            face, mask, matrix, time, visible: as of :meth:`compose`.
            matte: (H, W) float32 in 0..1 by which the mask is multiplied, in the frame's own pixels.
            features: where brows, eyes and lips are in the crop; without, the skin is not fitted.
            interior: (S, S, 4) float32 in 0..1, what of the footage shows between lids and lips, and how much of each
                pixel it is. It has the footage's light, sharpness and blur, and is put in last.
            paint: what was painted onto the mask, of (S, S).
            front: (S, S) float32 in 0..1, glasses on the made face: they say nothing of its skin's sharpness, and
                follow the footage's by half where the face is enlarged.
        """
        _check_shapes(canvas.image, face, mask)
        if matte is not None and matte.shape != canvas.shape[:2]:
            raise ValueError(f"the paint-over matte is {matte.shape}, the frame {canvas.shape[:2]}")
        self._count += 1
        self._placed = None
        alpha = build_mask(mask, visible, self.settings.mask)
        if paint is not None:
            alpha = paint.apply(alpha)
        box = bounding_box(alpha)
        if box is None:
            return self.repeat(canvas)
        region = Region.from_crop_box(matrix, box, (canvas.shape[1], canvas.shape[0]), REGION_MARGIN)
        if region.is_empty:
            return self.repeat(canvas)
        enlargement = region.scale
        size = compute_working_size(region, face.shape[0])
        region = region.with_crop_size(face.shape[0], size)
        window = CropWindow.from_box(tuple(edge * size / face.shape[0] for edge in box), size)
        face, alpha = resize_square(to_float_image(face), size), resize_square(alpha, size)
        before = canvas.crop(region)
        footage = np.clip(before, 0, 1)
        face = self._match_color(face, alpha, footage, region, time, features, window)
        face = self._stabilize(face, footage, region, time, window, size)
        rows, columns = window.pixels(size)
        placed = warp_to_region(face, region.with_crop_origin(columns.start, rows.start))
        placed = np.clip(placed, 0, 1, out=placed)
        share = np.clip(warp_to_region(alpha, region, cv2.INTER_LINEAR), 0, 1)
        if matte is not None:
            share *= region.crop(matte)
        middle = region.matrix @ ((size - 1) / 2, (size - 1) / 2, 1) + (region.left, region.top)
        placed = self._motion_blur(placed, footage, share, middle, time)
        if front is None:
            placed = self._match_grain(placed, footage, share, time)
        else:
            near = cv2.dilate(resize_square(front, size), np.ones((FRONT_MARGIN, FRONT_MARGIN), np.uint8))
            near = np.clip(warp_to_region(near, region, cv2.INTER_LINEAR), 0, 1)
            matched = self._match_grain(placed, footage, share * (1 - near), time)
            followed = FRONT_MATCH * min(max((enlargement - 1) / FRONT_ENLARGEMENT, 0), 1)
            placed = matched + (1 - followed) * near[..., None] * (placed - matched)
        if interior is not None:
            between = np.clip(warp_to_region(resize_square(interior, size), region), 0, 1)
            placed = placed + between[..., 3:] * (between[..., :3] - placed)
        self._placed = _PlacedFace(region, placed, share, region.crop(canvas.image))
        return self._paste(canvas, self._placed, before, footage)

    def repeats(self, frame: NDArray[np.uint8]) -> bool:
        """Whether a frame shows the same around the face composed last as that face's own frame did."""
        if self._placed is None:
            return False
        difference = cv2.absdiff(self._placed.region.crop(frame), self._placed.footage).astype(np.float32)
        cells = cv2.resize(difference, (REPEAT_CELLS, REPEAT_CELLS), interpolation=cv2.INTER_AREA)
        return bool(cells.max() < MAX_REPEAT_DIFFERENCE)

    def repeat(self, canvas: Canvas) -> NDArray[np.uint8]:
        """As :meth:`compose_onto`, with the face that was composed last: for a frame that :meth:`repeats` that one's.

        The filters in time do not see it: their next frame is the next picture.
        """
        if self._placed is None:
            return np.zeros(canvas.shape[:2], np.uint8)
        before = canvas.crop(self._placed.region)
        return self._paste(canvas, self._placed, before, np.clip(before, 0, 1))

    def _paste(self, canvas: Canvas, face: _PlacedFace, before: Image, footage: Image) -> NDArray[np.uint8]:
        alpha_map = np.zeros(canvas.shape[:2], np.uint8)
        canvas.paste(face.region, before, blend(footage, face.picture, face.share, self.settings.blend), face.share)
        face.region.crop(alpha_map)[...] = np.ceil(face.share * 255)
        return alpha_map

    def _match_color(
        self,
        face: Image,
        alpha: NDArray[Any],
        footage: Image,
        region: Region,
        time: Fraction | None,
        features: FeatureMasks | None,
        window: CropWindow,
    ) -> Image:
        """What the window shows of the face (S, S, 3), in the footage's colours."""
        side = face.shape[0]
        if self.settings.color == "none":
            return face[window.pixels(side)]
        reference = warp_to_crop(footage, region, side, color.STATISTICS_SIZE)
        known = frame_coverage(region, side, color.STATISTICS_SIZE)
        counted = known * cv2.resize(alpha, known.shape, interpolation=cv2.INTER_AREA)
        measured = color.compute_statistics(face, reference, counted, self.settings.color)
        made, face = face, color.apply_transfer(face, self._color_smoother(measured, time), window)
        if features is None:
            return face
        skin = counted * (1 - cv2.resize(features.any, counted.shape, interpolation=cv2.INTER_AREA))
        tone, share = measure_tone(made, reference, skin), self.settings.complexion
        face = carry_over(face, reference, features, skin, tone, share, window)
        return fit_complexion(face, reference, skin, share, window)

    def _stabilize(
        self, face: Image, footage: Image, region: Region, time: Fraction | None, window: CropWindow, side: int
    ) -> Image:
        if self.settings.temporal == 0:
            return face
        gray = cv2.convertScaleAbs(cv2.cvtColor(footage, cv2.COLOR_RGB2GRAY), alpha=255)
        gray_crop = warp_to_crop(gray, region, side, min(side, MAX_FLOW_SIZE))
        return self._temporal_filter(face, time, gray_crop, window, side)

    def _match_grain(self, face: Image, footage: Image, share: NDArray[Any], time: Fraction | None) -> Image:
        if self.settings.grain.strength == 0:
            return face
        bands = grain.split_bands(face)
        if self._gains is None or self._frames_since_measurement >= self.settings.grain.interval:
            self._gains = grain.compute_gains(bands, grain.split_bands(footage), share, self.settings.grain)
            self._frames_since_measurement = 0
        self._frames_since_measurement += 1
        seed = self._count if time is None else round(time * 90000)
        return grain.apply_grain(face, bands, self._grain_smoother(self._gains, time), seed)


def _check_shapes(frame: Image, face: Image, mask: NDArray[Any]) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"a frame is (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
    if face.ndim != 3 or face.shape[0] != face.shape[1] or face.shape[2] != 3:
        raise ValueError(f"a made face is (S, S, 3), got {face.shape}")
    if mask.shape != face.shape[:2]:
        raise ValueError(f"mask {mask.shape} and face {face.shape} differ in size")
    if face.dtype != np.uint8 and not np.isfinite(face).all():
        raise ValueError("the made face holds numbers that are not finite: the model that made it is broken")
