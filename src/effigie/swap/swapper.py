"""One face of one frame: from what was measured to the made face, its mask and where it belongs."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from effigie.faces.analyse import Face
from effigie.faces.mask import face_mask
from effigie.faces.roi import crop
from effigie.prior.bank import Geometry, features
from effigie.prior.detail import enlarged, resized
from effigie.prior.render import Chooser, Prior, render
from effigie.swap.exchange import GROW
from effigie.swap.model import SwapModel
from effigie.swap.mouth import borrow_inside, borrowed_share
from effigie.swap.networks import Made
from effigie.training.pictures import to_float

STEP = 32  # made faces are a multiple of this wide, so that sizes do not change with every pixel of movement


@dataclass(frozen=True)
class MadeFace:
    """A face to be put into a frame.

    Attributes:
        picture: (S, S, 3) float32 RGB in [0, 1].
        mask: (S, S) float32 in [0, 1].
        matrix: (2, 3) frame pixels to the picture's pixels.
    """

    picture: np.ndarray
    mask: np.ndarray
    matrix: np.ndarray


class Swapper:
    """Makes the source's face for every frame of one track, in order; :meth:`reset` starts another.

    The networks work at the preset's size. What the prior shows more finely than that is added back where the network
    trusted the prior, so that a small network does not blur a large face.
    """

    def __init__(self, model: SwapModel, device: torch.device, precision: str, rate: float = 25.0) -> None:
        self._model = model
        self._device = device
        self._precision = precision
        self._chooser = Chooser(model.bank, rate)
        self._retarget = model.retarget
        self._largest = max(model.bank.read(0).shape[0], model.preset.size)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def reset(self) -> None:
        """Forget the frames before."""
        self._chooser.reset()

    def __call__(self, image: np.ndarray, face: Face) -> MadeFace:
        """Make the face that takes the place of ``face`` in the (H, W, 3) uint8 RGB frame."""
        small = self._model.preset.size
        side = int(np.clip(round(np.exp(face.place[2]) / STEP) * STEP, small, self._largest))
        matrix = face.matrix(side)
        geometry = Geometry.in_crop(face.landmarks, matrix)
        with self._timed("warp"):
            prior = None
            if self._model.prior:
                wanted = self._retarget(geometry)
                layers = self._chooser(features([geometry], face.blendshapes[None], self._model.target))
                prior = render(self._model.bank, layers, wanted, side)
            else:
                wanted = geometry.landmarks
        with self._timed("network"):
            made = self._run(crop(image, face.matrix(small), small), prior)
        with self._timed("warp"):
            picture = made.picture[0].permute(1, 2, 0).float().cpu().numpy()
            if prior is None:
                picture = resized(picture, side)
            else:
                trust = made.trust[0, 0].float().cpu().numpy()
                picture = enlarged(picture, trust, prior.picture / np.float32(255))
            picture = self._with_mouth(picture, image, face, geometry, wanted)
            mask = face_mask(wanted, side, side, GROW)
        return MadeFace(np.clip(picture, 0, 1), mask, matrix)

    def _with_mouth(
        self, picture: np.ndarray, image: np.ndarray, face: Face, geometry: Geometry, wanted: np.ndarray
    ) -> np.ndarray:
        share = borrowed_share(self._chooser.misfit["mouth"])
        if share == 0:
            return picture
        side = picture.shape[0]
        return borrow_inside(picture, crop(image, face.matrix(side), side), geometry.landmarks, wanted, share)

    def _run(self, picture: np.ndarray, prior: Prior | None) -> Made:
        size = picture.shape[0]
        inputs = to_float(torch.from_numpy(picture[None])).to(self._device)
        given = None
        if prior is not None:
            stacked = np.dstack([prior.picture / np.float32(255), prior.validity])
            stacked = cv2.resize(stacked, (size, size), interpolation=cv2.INTER_AREA)
            given = torch.from_numpy(np.clip(stacked, 0, 1)).permute(2, 0, 1)[None].to(self._device)
            given = given.contiguous(memory_format=torch.channels_last)
        half = self._precision == "bf16"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            return self._model.network(inputs, given, "source")

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - begun
