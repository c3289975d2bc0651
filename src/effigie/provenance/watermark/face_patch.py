"""Face patches: pictures of a face and what surrounds it, brought into the face's own frame and added up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.faces.tracker import Tracker
from effigie.provenance.watermark.anchor import Anchor, measure_anchor, render_gain
from effigie.provenance.watermark.anchored_pattern import TILE_CM
from effigie.provenance.watermark.pattern import TILE_SIZE as REFERENCE_TILE
from effigie.provenance.watermark.residual import Plane, score_bands

TILE_PIXELS = 160
PER_CM = TILE_PIXELS / TILE_CM
SIDE = 288
"""Pixels of a patch: 38 cm."""
MIN_SCALE = 1.2  # pixels a centimetre: of a smaller face nothing can be read
MAX_SHRINK = 1.5  # times, by interpolation alone; more is averaged first
MIN_VALID = 0.3  # of the frames that must show a place for it to count


class FacePatch:
    """Adds up the pictures of one face, each brought to the same place."""

    def __init__(self) -> None:
        self.frames = 0
        self._sum = np.zeros((SIDE, SIDE), np.float32)
        self._coverage = np.zeros((SIDE, SIDE), np.float32)

    def add(self, luma: NDArray[np.uint8], anchor: Anchor) -> None:
        """Add the face that lies at ``anchor`` in (H, W) luma."""
        picture, visibility = cut_patch(luma, anchor)
        cv2.accumulateProduct(picture, visibility, self._sum)
        cv2.accumulate(visibility, self._coverage)
        self.frames += 1

    def residual(self) -> Plane:
        """(SIDE, SIDE) float32: whatever speaks for the pattern; 0 where nothing was seen."""
        valid = self._coverage >= MIN_VALID * self.frames
        mean = np.asarray(self._sum / np.maximum(self._coverage, np.float32(1e-6)), np.float32)
        counts = valid * np.sqrt(render_gain(SIDE, PER_CM))
        return score_bands(_fill(mean, valid), TILE_PIXELS / REFERENCE_TILE, counts.astype(np.float32))


def find_anchors(frames: Iterable[NDArray[np.uint8]], tracker: Tracker | None = None) -> list[dict[int, Anchor]]:
    """The anchors of the faces in each frame, (H, W) luma, by the number of the face's track."""
    tracker = tracker or Tracker()
    anchors_by_frame = []
    for luma in frames:
        faces = tracker(np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB), np.uint8))
        anchors = {face.track: measure_anchor(face.landmark_result.landmarks) for face in faces}
        anchors_by_frame.append({track: anchor for track, anchor in anchors.items() if anchor.scale >= MIN_SCALE})
    return anchors_by_frame


def gather_patches(frames: Sequence[NDArray[np.uint8]], anchors: Sequence[dict[int, Anchor]]) -> list[FacePatch]:
    """The patches of all faces of :func:`find_anchors`, those that were seen most first."""
    return sorted(_gather(frames, anchors).values(), key=lambda patch: -patch.frames)


def gather_with_keys(
    frames: Sequence[NDArray[np.uint8]], anchors: Sequence[dict[int, Anchor]], keys: Sequence[bool]
) -> list[tuple[FacePatch, FacePatch | None]]:
    """The same, each with the patch of those frames that are key frames; None where all are, or none."""
    patches = _gather(frames, anchors)
    of_keys = _gather(
        [frame for frame, key in zip(frames, keys, strict=True) if key],
        [faces for faces, key in zip(anchors, keys, strict=True) if key],
    )
    pairs = [(patch, of_keys.get(track)) for track, patch in patches.items()]
    pairs = [(patch, None if few is None or few.frames == patch.frames else few) for patch, few in pairs]
    return sorted(pairs, key=lambda pair: -pair[0].frames)


def _gather(frames: Sequence[NDArray[np.uint8]], anchors: Sequence[dict[int, Anchor]]) -> dict[int, FacePatch]:
    patches: dict[int, FacePatch] = {}
    for luma, faces in zip(frames, anchors, strict=True):
        for track, anchor in faces.items():
            patches.setdefault(track, FacePatch()).add(luma, anchor)
    return patches


def cut_patch(luma: NDArray[np.uint8], anchor: Anchor) -> tuple[Plane, Plane]:
    """(SIDE, SIDE) float32 luma in the face's frame, and 1 where the picture shows it, else 0."""
    shrink = anchor.scale / PER_CM
    share = 1.0
    if shrink > MAX_SHRINK:
        share = 1 / shrink
        size = max(1, round(luma.shape[1] * share)), max(1, round(luma.shape[0] * share))
        shape, luma = luma.shape, cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        stretch = np.array([luma.shape[1] / shape[1], luma.shape[0] / shape[0]])
    else:
        stretch = np.ones(2)
    matrix = anchor.matrix() * stretch[:, None]  # centimetres to pixels of the smaller picture
    matrix = np.hstack([matrix[:, :2] / PER_CM, matrix[:, 2:]])
    # Pixels' middles: of the patch to its own middle, of the picture from its first corner.
    middle = np.full(2, (SIDE - 1) / 2)
    matrix[:, 2] += -matrix[:, :2] @ middle - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(
        luma.astype(np.float32), matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    inside = np.ones(luma.shape, np.uint8)
    visibility = cv2.warpAffine(inside, matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return np.asarray(picture, np.float32), visibility.astype(np.float32)


def _fill(picture: Plane, valid: NDArray[np.bool_]) -> Plane:
    """What was not seen, continued softly from what was, so that no edge lies between."""
    if valid.all() or not valid.any():
        return np.asarray(picture, np.float32)
    # The nearest seen pixel of each one: labels of the distance transform.
    _, labels = cv2.distanceTransformWithLabels(
        (~valid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.float32)
    table[labels[valid]] = picture[valid]
    return np.asarray(np.where(valid, picture, table[labels]), np.float32)
