"""Of a frame's face, what is seen of it: the network asked, and its answer calmed over time."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from effigie.faces.analyse import Face
from effigie.faces.roi import apply_affine, crop
from effigie.occlusion.model import load_occlusion
from effigie.occlusion.network import SIZE, OcclusionNet, drawing, folded

CALM = 0.5  # share of the frame before where the two agree
NEWS = 0.25  # difference at which that share has fallen to 37 %: a hand that moves is not averaged with its trace
SURE = (0.12, 0.88)  # beyond these it is nothing and all: a network never says quite 0 or 1


class Visibility:
    """Says of the face of one track what is seen of it, frame after frame; :meth:`reset` starts another.

    Args:
        network: trained; None loads the one that ships.
        device: to run it on.

    Raises:
        ModelError: this installation lacks the one that ships.

    Example::

        visibility = Visibility()
        for item in analyse(frames):
            visible = visibility(item.frame.image, item.faces[0], 256)
    """

    def __init__(self, network: OcclusionNet | None = None, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)
        self._network = folded(network or load_occlusion()).to(self._device)
        self._before: np.ndarray | None = None

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
        said = self.seen(crop(image, matrix, SIZE), apply_affine(matrix, face.landmarks[:, :2]))
        if self._before is not None:
            agree = CALM * np.exp(-(((said - self._before) / NEWS) ** 2))
            said = said + agree * (self._before - said)
        self._before = said
        low, high = SURE
        sure = np.clip((said - low) / (high - low), 0, 1)
        if side == SIZE:
            return sure.astype(np.float32)
        way = cv2.INTER_AREA if side < SIZE else cv2.INTER_CUBIC
        return np.clip(cv2.resize(sure, (side, side), interpolation=way), 0, 1).astype(np.float32)

    def seen(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(SIZE, SIZE) float32 in 0..1, what the network says of one picture, nothing remembered.

        Args:
            picture: (SIZE, SIZE, 3) uint8 RGB, an aligned crop.
            landmarks: (478, >= 2) in its pixels.
        """
        joined = np.dstack([picture, drawing(landmarks)])
        inputs = torch.from_numpy(joined).to(self._device).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            logits = self._network(inputs.contiguous(memory_format=torch.channels_last))
        return np.asarray(torch.sigmoid(logits.float())[0, 0].cpu().numpy())
