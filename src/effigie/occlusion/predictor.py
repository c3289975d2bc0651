"""Of a frame's face, what is seen of it: the network asked, and its answer calmed over time."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import torch

from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mesh import LEFT_EYE, RIGHT_EYE
from effigie.occlusion.checkpoint import load_occlusion
from effigie.occlusion.network import SIZE, OcclusionNet, drawing, folded
from effigie.occlusion.upsample import refined

CALM = 0.5  # share of the frame before where the two agree
NEWS = 0.25  # difference at which that share has fallen to 37 %: a hand that moves is not averaged with its trace
SURE = (0.2, 0.6)  # below, it is nothing, above, all: what is half sure of is seldom half transparent
DOUBTS = (0.25, 0.7)  # a patch below the second in which hardly anything is below the first is doubted
FIRM = 0.08  # of a patch must be below for it to be believed: doubt about a shiny nose is no finger

LASHES = 5  # px: what is thinner, at an eye, is taken for lashes and make-up, which belong to the face
AROUND = 9  # px around the lids in which that holds; the rims of glasses lie farther off
RIMS = 7  # px: what is thinner around the eyes, lashes left out, is taken for a rim
GLASSES = 41  # px around the lids in which that holds
COVERED = 2.0  # times what was said of a rim: narrower than a pixel, it covers each it crosses in part


class Visibility:
    """Says of the face of one track what is seen of it, frame after frame; :meth:`reset` starts another.

    Args:
        network: trained; None loads the one that ships.
        device: to run it on.
        half: in bfloat16, where the machine multiplies that faster; masks differ by half a percent at most.

    Raises:
        ModelError: this installation lacks the one that ships.

    Example::

        visibility = Visibility()
        for item in analyse(frames):
            visible = visibility(item.frame.image, item.faces[0], 256)
    """

    def __init__(
        self,
        network: OcclusionNet | None = None,
        device: torch.device | str = "cpu",
        half: bool = False,
    ) -> None:
        self._device = torch.device(device)
        self._type = torch.bfloat16 if half else torch.float32
        self._network = folded(network or load_occlusion()).to(self._device, self._type)
        self._before: np.ndarray | None = None

    def again(self) -> Visibility:
        """Another that remembers nothing, with the same network."""
        other = copy.copy(self)
        other.reset()
        return other

    def reset(self) -> None:
        """Forget the frames before: call at a cut."""
        self._before = None

    def __call__(self, image: np.ndarray, face: Face, side: int) -> np.ndarray:
        """(side, side) float32 in 0..1 over the crop of ``face.matrix(side)``: 0 where something covers the face.

        Args:
            image: (H, W, 3) uint8 RGB, the frame.
            face: measured in it.
        """
        matrix = face.matrix(SIZE)
        landmarks = apply_affine(matrix, face.landmarks[:, :2])
        small = crop(image, matrix, SIZE)
        said = with_rims(with_lashes(self.seen(small, landmarks), landmarks), landmarks)
        said = without_doubts(said)
        if self._before is not None:
            agree = CALM * np.exp(-(((said - self._before) / NEWS) ** 2))
            said = said + agree * (self._before - said)
        self._before = said
        low, high = SURE
        edged = refined(said, small, crop(image, face.matrix(side), side))
        return np.clip((edged - low) / (high - low), 0, 1).astype(np.float32)

    def seen(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(SIZE, SIZE) float32 in 0..1, what the network says of one picture, nothing remembered.

        Args:
            picture: (SIZE, SIZE, 3) uint8 RGB, an aligned crop.
            landmarks: (478, >= 2) in its pixels.
        """
        joined = np.dstack([picture, drawing(landmarks)])
        inputs = torch.from_numpy(joined).to(self._device).permute(2, 0, 1)[None].to(self._type) / 255
        with torch.inference_mode():
            logits = self._network(inputs.contiguous(memory_format=torch.channels_last))
        return np.asarray(torch.sigmoid(logits.float())[0, 0].cpu().numpy())


def with_lashes(visible: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE) visibility without the thin strokes that dark lashes leave in it.

    Args:
        landmarks: (478, >= 2) px.
    """
    return np.where(_around_eyes(landmarks, AROUND), _filled(visible, LASHES), visible)


def with_rims(visible: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE) visibility in which thin strokes around the eyes cover more: the rims of glasses do not break.

    Args:
        landmarks: (478, >= 2) px.
    """
    around = _filled(visible, RIMS)
    rims = np.clip(around - COVERED * (around - visible), 0, 1)
    return np.where(_around_eyes(landmarks, GLASSES), rims, visible)


def _filled(visible: np.ndarray, width: int) -> np.ndarray:
    """Without what is covered by strokes narrower than ``width``."""
    return cv2.morphologyEx(visible, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))


def _around_eyes(landmarks: np.ndarray, width: int) -> np.ndarray:
    """(SIZE, SIZE) bool: the eyes and half of ``width`` around them."""
    eyes = np.zeros((SIZE, SIZE), np.uint8)
    points = np.rint(np.clip(landmarks[:, :2], -SIZE, 2 * SIZE)).astype(np.int32)
    cv2.fillPoly(eyes, [points[LEFT_EYE], points[RIGHT_EYE]], 1)
    return cv2.dilate(eyes, np.ones((width, width), np.uint8)) > 0


def without_doubts(visible: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE) visibility in which patches that are nowhere, or hardly anywhere, surely covered are face."""
    sure, doubtful = DOUBTS
    count, patches = cv2.connectedComponents((visible < doubtful).astype(np.uint8))
    sizes = np.bincount(patches.ravel(), minlength=count)
    firm = np.bincount(patches.ravel(), weights=(visible < sure).ravel(), minlength=count)
    weak = firm < FIRM * sizes
    weak[0] = False  # what is in no patch
    return np.where(weak[patches], 1.0, visible).astype(np.float32)
