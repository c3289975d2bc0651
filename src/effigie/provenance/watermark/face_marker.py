"""Marker of faces: lays the anchored pattern over every made face of a frame, in place of the frame's own."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.provenance.watermark.anchor import OUTER_CM, Anchor, render_face, render_gain, render_window
from effigie.provenance.watermark.anchored_pattern import anchored_carriers, keep_short_waves, render_anchored

Plane = NDArray[np.float32]
Symbols = NDArray[np.float32]

PER_CM = 10.0  # pixels a centimetre of the picture that is warped
SIDE = 2 * round(OUTER_CM * PER_CM)
MIN_SCALE = 2.2  # pixels a centimetre: a smaller face cannot hold the pattern
WARP_SCALE = 5.0  # pixels a centimetre that are warped to; what is larger is enlarged from there
BORDER_CM = 1.5  # from the middle between two faces, where their patterns change over
FACE_SHARE = 1.25  # strength of the face's mark, in those of the frame's


class FaceMarker:
    """Replaces a frame's pattern around faces by their own.

    Args:
        symbols: the codeword, (SYMBOL_COUNT,) of -1 and 1.
        size: (height, width) of the frames.
    """

    def __init__(self, symbols: Symbols, size: tuple[int, int]) -> None:
        self._size = size
        gain = render_gain(SIDE, PER_CM)
        spectrum, face = anchored_carriers().spectrum(symbols), render_face(SIDE, PER_CM)
        outer, inside = (render_anchored(waves, SIDE, PER_CM) for waves in (spectrum, keep_short_waves(spectrum)))
        pattern = (outer + (inside - outer) * face) * gain * FACE_SHARE
        window = render_window(SIDE, PER_CM)
        self._pattern = cv2.merge([pattern, window])
        self._energy = cv2.merge([(gain * FACE_SHARE) ** 2, 1 - (1 - window) ** 2])

    def select(self, anchors: Sequence[Anchor]) -> list[Anchor]:
        """Those of a frame's faces that are large enough and in the picture, the largest last."""
        height, width = self._size
        reach = [OUTER_CM * anchor.scale for anchor in anchors]
        return sorted(
            (
                anchor
                for anchor, far in zip(anchors, reach, strict=True)
                if anchor.scale >= MIN_SCALE and -far < anchor.x < width + far and -far < anchor.y < height + far
            ),
            key=lambda anchor: anchor.scale,
        )

    def lay_over(self, pattern: Plane, anchors: Sequence[Anchor]) -> None:
        """Replace (H, W) of the frame's pattern, in place, around the faces of :meth:`select`."""
        self._lay(pattern, self._pattern, anchors, 1.0)

    def lay_energy(self, energy: Plane, anchors: Sequence[Anchor]) -> None:
        """The same for the mean square of the pattern, (h, w) of any size that is the frame's shape."""
        self._lay(energy, self._energy, anchors, energy.shape[1] / self._size[1])

    def _lay(self, target: Plane, picture: Plane, anchors: Sequence[Anchor], shrink: float) -> None:
        for anchor in anchors:
            matrix = anchor.matrix() * shrink
            scale, far = anchor.scale * shrink, OUTER_CM * anchor.scale * shrink
            x, y = matrix[:, 2]
            left, right = max(0, int(x - far)), min(target.shape[1], int(np.ceil(x + far)))
            top, bottom = max(0, int(y - far)), min(target.shape[0], int(np.ceil(y + far)))
            if left >= right or top >= bottom:
                continue
            step = max(1, int(scale / WARP_SCALE))
            size = -(-(right - left) // step), -(-(bottom - top) // step)
            # Centimetres to pixels of the box, each `step` wide; pixels' middles lie half a pixel in.
            warp = np.hstack([matrix[:, :2] / PER_CM, matrix[:, 2:] - [[left], [top]]]) / step
            warp[:, 2] -= warp[:, :2] @ np.full(2, (SIDE - 1) / 2) + 0.5
            part = cv2.warpAffine(picture, warp, size, flags=cv2.INTER_LINEAR)
            for neighbor in anchors:
                if neighbor is not anchor:
                    part *= _nearer(anchor, neighbor, shrink, (left, top), step, size)[..., None]
            part[..., 1] = 1 - part[..., 1]
            if step > 1:
                part = cv2.resize(part, (size[0] * step, size[1] * step), interpolation=cv2.INTER_LINEAR)
                part = part[: bottom - top, : right - left]
            addition, factor = cv2.split(part)
            box = target[top:bottom, left:right]
            cv2.multiply(box, factor, dst=box)
            cv2.add(box, addition, dst=box)


def _nearer(
    anchor: Anchor, neighbor: Anchor, shrink: float, corner: tuple[int, int], step: int, size: tuple[int, int]
) -> Plane:
    """(h, w) float32 of 0 to 1 in a box: 1 where a face is nearer than another one, in heads."""
    x = ((np.arange(size[0], dtype=np.float32) + 0.5) * step + corner[0]) / shrink
    y = ((np.arange(size[1], dtype=np.float32) + 0.5) * step + corner[1]) / shrink
    own, neighbor_distance = (
        np.hypot(x[None] - one.x, y[:, None] - one.y) / np.float32(one.scale) for one in (anchor, neighbor)
    )
    return np.clip((neighbor_distance - own) / np.float32(2 * BORDER_CM) + np.float32(0.5), 0, 1)
