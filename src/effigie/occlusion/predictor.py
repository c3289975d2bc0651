"""Predicts the visible part of a face, frame by frame, smoothed over time."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import torch

from effigie.arrays import Image, Landmarks
from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mask import polygon_mask
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.occlusion.checkpoint import load_occlusion
from effigie.occlusion.network import INPUT_SIZE, OcclusionNet, draw_face_parts, fold_batch_norm
from effigie.occlusion.upsample import upsample_mask

SMOOTHING = 0.5  # share of the frame before where the two agree
# Difference at which that share has fallen to 37 %: a hand that moves is not averaged with its trace.
SMOOTHING_TOLERANCE = 0.25
# Below, it is nothing, above, all: what is half sure of is seldom half transparent.
CONTRAST_RANGE = (0.2, 0.6)
DOUBT_LEVELS = (0.25, 0.7)  # a patch below the second in which hardly anything is below the first is doubted
MIN_SURE_SHARE = 0.08  # of a patch must be below for it to be believed: doubt about a shiny nose is no finger

# A face that stands still in its crop keeps its mask: on seven clips of six people the network then runs in 40 to 84 %
# of the frames, and masks are off by less than its own answers differ from frame to frame. Where it ran in every third
# frame without looking, up to 5 % of the crop was wrong beside a hand.
CHANGE_CELLS = 16  # a side, in which a crop is compared with the one that the network looked at
MAX_CELL_CHANGE = 8.0  # grey levels of 255, mean of a cell, from which on it looks again
MAX_REUSED_FRAMES = 3  # after which it does so in any case
# Share of the mask in which its last two answers may differ by a quarter. Doubtful answers, as in a clip's first
# frames, are asked again, not kept.
MAX_UNSETTLED_SHARE = 0.002

LOWER_NOSE = np.array([197, 195, 5, 4, 1, 2, 48, 278, 64, 294, 98, 327, 129, 358])  # below the pads of glasses

LASH_WIDTH = 5  # px: what is thinner, at an eye, is taken for lashes and make-up, which belong to the face
LASH_ZONE = 9  # px around the lids in which that holds; the rims of glasses lie farther off
RIM_WIDTH = 7  # px: what is thinner around the eyes, lashes left out, is taken for a rim
RIM_ZONE = 41  # px around the lids in which that holds
# Mean visibility of the lips: above the first nothing covers them (in 30 people it is 0.992 or more), below the second
# something does. Landmarks of a covered mouth are a guess, and lips were drawn over fingers.
BARE_MOUTH, COVERED_MOUTH = 0.97, 0.9
MOUTH_GROWTH, MOUTH_SIGMA = 1.4, 2.0  # of the lips' outline, and px of how softly what is left out there ends
RIM_GAIN = 2.0  # times what was said of a rim: narrower than a pixel, it covers each it crosses in part


class VisibilityPredictor:
    """Predicts the visibility masks of the face of one track, in order; :meth:`reset` starts another.

    Args:
        network: trained; None loads the one that ships.
        device: to run it on.
        half: in bfloat16, where the machine multiplies that faster; masks differ by half a percent at most.

    Raises:
        ModelError: this installation lacks the one that ships.

    Example::

        visibility = VisibilityPredictor()
        for item in analyze(frames):
            visible = visibility(item.frame.image, item.faces[0], 256)
    """

    def __init__(
        self, network: OcclusionNet | None = None, device: torch.device | str = "cpu", half: bool = False
    ) -> None:
        self._device = torch.device(device)
        self._type = torch.bfloat16 if half else torch.float32
        self._network = fold_batch_norm(network or load_occlusion()).to(self._device, self._type)
        self.reset()

    def fresh_copy(self) -> VisibilityPredictor:
        """A predictor without memory of earlier frames, with the same network."""
        predictor = copy.copy(self)
        predictor.reset()
        return predictor

    def reset(self) -> None:
        """Forget the frames before: call at a cut."""
        self._previous: np.ndarray | None = None
        self._reference: np.ndarray | None = None
        self._reused_frames, self._settled = 0, False

    def __call__(self, image: Image, face: Face, side: int) -> np.ndarray:
        """(side, side) float32 in 0..1 over the crop of ``face.matrix(side)``: 0 where something covers the face.

        Args:
            image: (H, W, 3) uint8 RGB, the frame.
            face: measured in it.
        """
        matrix = face.matrix(INPUT_SIZE)
        small = crop(image, matrix, INPUT_SIZE)
        if not self._is_unchanged(small) or self._previous is None:
            visibility = self._smooth(self._look(small, apply_affine(matrix, face.landmarks[:, :2])))
            self._settled = self._previous is not None and _agree(visibility, self._previous)
            self._previous = visibility
        low, high = CONTRAST_RANGE
        edged = upsample_mask(self._previous, small, crop(image, face.matrix(side), side))
        return np.clip((edged - low) / (high - low), 0, 1).astype(np.float32)

    def _is_unchanged(self, small: Image) -> bool:
        """Whether a crop looks like the one that the network saw last; if not it is the one to compare with."""
        gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        if self._reference is not None and self._settled and self._reused_frames < MAX_REUSED_FRAMES:
            cells = cv2.resize(
                cv2.absdiff(gray, self._reference), (CHANGE_CELLS, CHANGE_CELLS), interpolation=cv2.INTER_AREA
            )
            if cells.max() < MAX_CELL_CHANGE:
                self._reused_frames += 1
                return True
        self._reference, self._reused_frames = gray, 0
        return False

    def _look(self, small: Image, landmarks: Landmarks) -> np.ndarray:
        """(INPUT_SIZE, INPUT_SIZE) visibility of one crop, what is known of lashes, rims and doubts applied."""
        predicted = self.predict(small, landmarks)
        # Before rims are strengthened: doubt about a nose beside them would pass for one.
        believed = fill_doubted_nose(fill_lashes(predicted, landmarks), landmarks)
        visibility = fill_doubtful_patches(strengthen_rims(believed, landmarks))
        return hide_covered_mouth(visibility, measure_mouth(predicted, landmarks), landmarks)

    def _smooth(self, visibility: np.ndarray) -> np.ndarray:
        if self._previous is None:
            return visibility
        agree = SMOOTHING * np.exp(-(((visibility - self._previous) / SMOOTHING_TOLERANCE) ** 2))
        return np.asarray(visibility + agree * (self._previous - visibility))

    def predict(self, picture: Image, landmarks: Landmarks) -> np.ndarray:
        """(INPUT_SIZE, INPUT_SIZE) float32 in 0..1, the network's output for one picture, without temporal smoothing.

        Args:
            picture: (SIZE, SIZE, 3) uint8 RGB, an aligned crop.
            landmarks: (478, >= 2) in its pixels.
        """
        joined = np.dstack([picture, draw_face_parts(landmarks)])
        inputs = torch.from_numpy(joined).to(self._device).permute(2, 0, 1)[None].to(self._type) / 255
        with torch.inference_mode():
            logits = self._network(inputs.contiguous(memory_format=torch.channels_last))
        return np.asarray(torch.sigmoid(logits.float())[0, 0].cpu().numpy())


def _agree(first: np.ndarray, second: np.ndarray) -> bool:
    return float((np.abs(first - second) > SMOOTHING_TOLERANCE).mean()) < MAX_UNSETTLED_SHARE


def fill_lashes(visible: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """(INPUT_SIZE, INPUT_SIZE) visibility without the thin strokes that dark lashes leave in it."""
    return np.where(_eye_mask(landmarks, LASH_ZONE), _close_strokes(visible, LASH_WIDTH), visible)


def strengthen_rims(visible: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """(INPUT_SIZE, INPUT_SIZE) visibility in which thin strokes around the eyes cover more: rims do not break."""
    background = _close_strokes(visible, RIM_WIDTH)
    rims = np.clip(background - RIM_GAIN * (background - visible), 0, 1)
    return np.where(_eye_mask(landmarks, RIM_ZONE), rims, visible)


def measure_mouth(visible: np.ndarray, landmarks: Landmarks) -> float:
    """Mean of (INPUT_SIZE, INPUT_SIZE) visibility over the lips and what is between them, 0..1."""
    weight = _lip_mask(landmarks, 1.0)
    return float((visible * weight).sum() / max(float(weight.sum()), 1e-6))


def hide_covered_mouth(visible: np.ndarray, mouth: float, landmarks: Landmarks) -> np.ndarray:
    """(INPUT_SIZE, INPUT_SIZE) visibility in which a mouth that something covers in part is covered altogether.

    Args:
        mouth: of :func:`measure_mouth`.
    """
    covered = float(np.clip((BARE_MOUTH - mouth) / (BARE_MOUTH - COVERED_MOUTH), 0, 1))
    if covered == 0:
        return visible
    zone = cv2.GaussianBlur(_lip_mask(landmarks, MOUTH_GROWTH), (0, 0), MOUTH_SIGMA)
    return np.asarray(visible * (1 - covered * zone), np.float32)


def _lip_mask(landmarks: Landmarks, growth: float) -> np.ndarray:
    lips = landmarks[OUTER_LIPS, :2]
    grown = lips.mean(0) + growth * (lips - lips.mean(0))
    return polygon_mask(cv2.convexHull(grown.astype(np.float32))[:, 0], INPUT_SIZE, INPUT_SIZE)


def _close_strokes(visible: np.ndarray, width: int) -> np.ndarray:
    """The visibility without covered strokes narrower than ``width``."""
    return cv2.morphologyEx(visible, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))


def _eye_mask(landmarks: Landmarks, width: int) -> np.ndarray:
    """(INPUT_SIZE, INPUT_SIZE) bool: the eyes and half of ``width`` around them."""
    eyes = np.zeros((INPUT_SIZE, INPUT_SIZE), np.uint8)
    points = np.rint(np.clip(landmarks[:, :2], -INPUT_SIZE, 2 * INPUT_SIZE)).astype(np.int32)
    cv2.fillPoly(eyes, [points[LEFT_EYE], points[RIGHT_EYE]], 1)
    return cv2.dilate(eyes, np.ones((width, width), np.uint8)) > 0


def fill_doubtful_patches(visible: np.ndarray) -> np.ndarray:
    """(INPUT_SIZE, INPUT_SIZE) visibility in which patches that are hardly anywhere surely covered are face."""
    sure, doubtful = DOUBT_LEVELS
    count, patches = cv2.connectedComponents((visible < doubtful).astype(np.uint8))
    sizes = np.bincount(patches.ravel(), minlength=count)
    firm = np.bincount(patches.ravel(), weights=(visible < sure).ravel(), minlength=count)
    weak = firm < MIN_SURE_SHARE * sizes
    weak[0] = False  # what is in no patch
    return np.where(weak[patches], 1.0, visible).astype(np.float32)


def fill_doubted_nose(visible: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    """As :func:`fill_doubtful_patches`, of what is wider than rims on the nose alone, whatever rims it touches."""
    wide = _close_strokes(visible, RIM_WIDTH)
    nose = np.zeros((INPUT_SIZE, INPUT_SIZE), np.uint8)
    hull = cv2.convexHull(np.rint(landmarks[LOWER_NOSE, :2]).astype(np.int32))
    cv2.fillConvexPoly(nose, hull, 1)
    return np.where((fill_doubtful_patches(wide) > wide) & (nose > 0), np.float32(1), visible)
