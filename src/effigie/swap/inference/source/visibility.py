"""Masks of what in the source's own frames is no face: a fringe, the wall beside an ear.

A made face's mask reaches to the hairline, and what lies there in the source's frames is warped along: strands on
another's forehead, a strip of somebody else's wall. There the footage stays as it is. Well within the mesh below the
brows everything belongs to the face; at its outline hair may hang over the temples and the wall show beside a jaw.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from effigie.faces.crop import apply_affine, resize_matrix
from effigie.faces.warp import MeshWarper, enlarge
from effigie.occlusion.hair_strands import find_hair_strands
from effigie.occlusion.network import INPUT_SIZE
from effigie.occlusion.predictor import VisibilityPredictor, fill_doubtful_patches
from effigie.occlusion.synthetic.visibility_labels import certain_face_mask
from effigie.prior.frame_bank import FrameBank
from effigie.prior.openings import seal_openings
from effigie.prior.render import FrameWarp, RenderedPrior

# Of a face mask's full value: what is no face. Below lies what is hidden although it is within the face.
UNSEEN = 0.4
CACHE_FRAMES = 8  # frames with their masks, twice as large, 4 MB each: so many fade into each other at once, at most
TEMPLE, JAW = 9, 19  # px of the network: boxes, half of which is so near to the outline that the mesh may not be face
STRAND = 27  # px of the network: a box, half of which is how far hair that is surely seen reaches in from the outline
SURELY_HIDDEN = 0.3  # of a face mask from UNSEEN on
NOSE_BASE = 2  # landmark
CERTAIN_SIGMA = 3.0  # px of the network: how softly what is certain ends
EDGE_SIGMA = 0.025  # of the picture's side: how softly the made face ends there, for skin goes over into skin


class SourceVisibility:
    """The face masks of a bank's frames, predicted once a frame and warped as the pictures are.

    Args:
        fills: whether a network makes what the frames do not show; without one it is no face either.
        find_hidden: index in the bank -> (S, S) bool, skin that nobody has seen, wherever it lies.
        keeps_glasses: whether glasses of the source are to be shown, which reach to the outline above the nose's base.

    Example::

        warper = MeshWarper(landmarks, side)
        prior = render(bank, layers, warper, visibility.warp_with_visibility(warper))
        mask = visibility(prior, warper)
    """

    def __init__(
        self,
        bank: FrameBank,
        visibility: VisibilityPredictor,
        fills: bool = True,
        keeps_glasses: bool = False,
        find_hidden: Callable[[int], np.ndarray] | None = None,
    ) -> None:
        self._bank, self._visibility = bank, visibility
        self._fills, self._keeps_glasses, self._find_hidden = fills, keeps_glasses, find_hidden
        self._read = lru_cache(CACHE_FRAMES)(self._read_with_visibility)
        self._cache: dict[int, np.ndarray] = {}

    def warp_with_visibility(self, warper: MeshWarper) -> FrameWarp:
        """A function that warps a frame of the bank, its face mask a fourth channel of the picture."""

        def sample(index: int) -> tuple[np.ndarray, np.ndarray]:
            landmarks = seal_openings(self._bank.geometries[index].landmarks, warper.target)
            warped = warper.warp(self._read(index), landmarks, is_enlarged=True)
            return warped.image, warped.visibility

        return sample

    def __call__(self, prior: RenderedPrior, warper: MeshWarper) -> np.ndarray:
        """(S, S) float32 in 0..1: 1 where the frames of a prior from :meth:`warp_with_visibility` show the face."""
        assert prior.extra_channel is not None
        unseen = np.float32(255 if self._fills else 255 * UNSEEN)
        channel = np.where(prior.visibility > 0.5, prior.extra_channel, unseen)
        level = cv2.resize(channel, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA) / np.float32(255)
        small = (level - UNSEEN) / (1 - UNSEEN)
        soft = cv2.GaussianBlur(np.clip(small, 0, 1), (0, 0), EDGE_SIGMA * INPUT_SIZE)
        # As soft outside of its edge as inside would show half of what is to go.
        soft = np.clip((2 if self._fills else 5) * (soft - 1) + 1, 0, 1)
        landmarks = apply_affine(resize_matrix(INPUT_SIZE, warper.size), warper.target)
        certain = certain_face_mask(landmarks, INPUT_SIZE).astype(np.float32)
        nose_row = max(round(float(landmarks[NOSE_BASE, 1])), 0)
        if not self._keeps_glasses:
            certain[:nose_row] = _erode(certain, TEMPLE)[:nose_row]
        if not self._fills:
            certain[nose_row:] = _erode(certain, JAW)[nose_row:]
        if not self._keeps_glasses:
            certain[_strands(small, certain)] = 0
        soft = np.maximum(soft, cv2.GaussianBlur(certain, (0, 0), CERTAIN_SIGMA))
        hidden = np.clip(1 - level / UNSEEN, 0, 1)
        if hidden.any():
            soft *= 1 - np.maximum(hidden, cv2.GaussianBlur(hidden, (0, 0), CERTAIN_SIGMA))
        return cv2.resize(soft, (warper.size, warper.size), interpolation=cv2.INTER_LINEAR)

    def _read_with_visibility(self, index: int) -> np.ndarray:
        """(2 S, 2 S, 4) uint8, a frame of the bank and its face mask, enlarged."""
        picture = self._bank.read(index)
        side = picture.shape[0]
        if index not in self._cache:
            landmarks = apply_affine(resize_matrix(INPUT_SIZE, side), self._bank.geometries[index].landmarks)
            small = cv2.resize(picture, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
            visible = fill_doubtful_patches(self._visibility.predict(small, landmarks))
            if not self._keeps_glasses:  # whose temples are dark lines, too
                strands = find_hair_strands(small, landmarks).astype(np.uint8)
                visible[cv2.dilate(strands, np.ones((3, 3), np.uint8)) > 0] = 0
            visible = UNSEEN + (1 - UNSEEN) * cv2.resize(visible, (side, side))
            if self._find_hidden is not None:
                visible *= 1 - self._find_hidden(index).astype(np.float32)
            self._cache[index] = (255 * visible).astype(np.uint8)
        return enlarge(cv2.merge([*cv2.split(picture), self._cache[index]]))


def _strands(visible: np.ndarray, certain: np.ndarray) -> np.ndarray:
    """(S, S) bool: what is surely no face and hangs in from beside the mesh, where that is near; all else is doubt."""
    candidates = (_erode(certain, STRAND) == 0) & (visible < SURELY_HIDDEN)
    count, patches = cv2.connectedComponents(candidates.astype(np.uint8), connectivity=8)
    outside = np.bincount(patches[certain == 0], minlength=count) > 0
    outside[0] = False
    return outside[patches]


def _erode(mask: np.ndarray, side: int) -> np.ndarray:
    return cv2.erode(mask, np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
