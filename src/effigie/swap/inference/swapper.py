"""One face of one frame: from what was measured to the made face, its mask and where it belongs."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from effigie.faces.analyzer import Face
from effigie.faces.crop import crop
from effigie.faces.mask import face_mask
from effigie.faces.warp import Canvas
from effigie.nn.images import to_float
from effigie.prior.detail import enlarged, resized
from effigie.prior.frame_bank import Geometry, features
from effigie.prior.render import Chooser, Prior, render
from effigie.swap.checkpoint import SwapModel
from effigie.swap.inference.mouth_inpaint import borrow_inside, borrowed_share
from effigie.swap.inference.pose_limits import Reach, Shown, Turned
from effigie.swap.inference.source_visibility import Hairline
from effigie.swap.network import Made
from effigie.swap.shape_retarget import GROW

STEP = 32  # made faces are a multiple of this wide, so that sizes do not change with every pixel of movement
# Twice the trust less this is how much of the prior's fine detail is shown: where a network that took four fifths of
# the prior changed its colour, pores and lashes are still the prior's.
DOUBT = 0.5


@dataclass(frozen=True)
class MadeFace:
    """A face to be put into a frame.

    Attributes:
        picture: (S, S, 3) float32 RGB in [0, 1].
        mask: (S, S) float32 in [0, 1].
        matrix: (2, 3) frame pixels to the picture's pixels.
        share: 0..1, how much of it is seen: less than 1 while it comes or goes.
        own: (S, S) float32 in [0, 1], 0 where the source's frames show hair or a wall instead of the face; None where
            that was not looked for.
    """

    picture: np.ndarray
    mask: np.ndarray
    matrix: np.ndarray
    share: float = 1.0
    own: np.ndarray | None = None


@dataclass(frozen=True)
class Sketch:
    """What the network needs to make a face, and what its picture needs to become a :class:`MadeFace`.

    Attributes:
        face: (s, s, 3) uint8, the target's face as the network sees it.
        prior: None where the network takes none.
        wanted: the made face's geometry in the made picture's pixels.
        geometry: of the target's face, in the same pixels.
        mouth: (S, S, 3) uint8, the target's face in the made picture's place, where its mouth will be borrowed.
        share: 0..1, of the mouth's inside.
        matrix: (2, 3) frame pixels to the made picture's.
        side: S.
        own: see :class:`MadeFace`.
        shown: how far the pose is from what the source's footage shows, and what follows.
    """

    face: np.ndarray
    prior: Prior | None
    wanted: Canvas
    geometry: Geometry
    mouth: np.ndarray | None
    share: float
    matrix: np.ndarray
    side: int
    own: np.ndarray | None
    shown: Shown


class Swapper:
    """Makes the source's face for every frame of one track, in order; :meth:`reset` starts another.

    The networks work at the preset's size. What the prior shows more finely than that is added back where the network
    trusted the prior, so that a small network does not blur a large face.

    Attributes:
        turned: frames in which the head was turned too far.
        seconds: spent on each stage.

    Args:
        finest: a made face's side as a share of what footage and source show; never less than the network's.
        hairline: says where the source's frames show no face; None does not look.
        leave: whether a head turned too far is left as it is, see :class:`effigie.swap.inference.pose_limits.Reach`.
    """

    def __init__(
        self,
        model: SwapModel,
        device: torch.device,
        precision: str,
        rate: float = 25.0,
        finest: float = 1.0,
        leave: bool = True,
        hairline: Hairline | None = None,
    ) -> None:
        self._model = model
        self._device = device
        self._precision = precision
        self._chooser = Chooser(model.bank, rate)
        self._reach = Reach(model.bank.geometries, rate, leave)
        self.turned = Turned()
        self._retarget = model.retarget
        self._finest = finest
        self._hairline = hairline
        self._largest = max(model.bank.read(0).shape[0], model.preset.size)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def reset(self) -> None:
        """Forget the frames before."""
        self._chooser.reset()
        self._reach.reset()

    def __call__(self, image: np.ndarray, face: Face, index: int = 0) -> MadeFace | None:
        """Make the face that takes the place of ``face`` in the (H, W, 3) uint8 RGB frame number ``index``.

        None where the head is turned so far beyond what the source's footage shows that it is better left alone.
        """
        sketch = self.sketch(image, face, index)
        return None if sketch is None else self.make([sketch])[0]

    def sketch(self, image: np.ndarray, face: Face, index: int) -> Sketch | None:
        """All of :meth:`__call__` that remembers the frames before; the rest is :meth:`make`'s."""
        small = self._model.preset.size
        full = min(float(np.exp(face.place[2])), self._largest)
        side = int(np.clip(round(self._finest * full / STEP) * STEP, small, self._largest))
        matrix = face.matrix(side)
        geometry = Geometry.in_crop(face.landmarks, matrix)
        shown = self._reach(geometry)
        self.turned.note(index, shown)
        if shown.left:
            self._chooser.reset()
            return None
        with self._timed("warp"):
            prior = own = None
            if self._model.prior:
                wanted = Canvas(self._retarget(geometry), side)
                layers = self._chooser(features([geometry], face.blendshapes[None], self._model.target))
                line = self._hairline
                prior = render(
                    self._model.bank, layers, wanted, None if line is None else line.beside(wanted)
                )
                own = None if line is None else line(prior, wanted)
            else:
                wanted = Canvas(geometry.landmarks, side)
            share = borrowed_share(self._chooser.misfit["mouth"])
            mouth = crop(image, matrix, side) if share else None
        given = crop(image, face.matrix(small), small)
        return Sketch(given, prior, wanted, geometry, mouth, share, matrix, side, own, shown)

    def make(self, sketches: Sequence[Sketch]) -> list[MadeFace]:
        """The faces of several sketches, the network run once: for several a face costs a third less."""
        with self._timed("network"):
            made = self._run(sketches)
            pictures = made.picture.permute(0, 2, 3, 1).float().cpu().numpy()
            trusts = made.trust[:, 0].float().cpu().numpy()
        with self._timed("warp"):
            return [
                self._finished(sketch, picture, trust)
                for sketch, picture, trust in zip(sketches, pictures, trusts, strict=True)
            ]

    def _finished(self, sketch: Sketch, picture: np.ndarray, trust: np.ndarray) -> MadeFace:
        side, shown = sketch.side, sketch.shown
        if sketch.prior is None:
            picture = resized(picture, side)
        else:
            bent = sketch.prior.picture / np.float32(255)
            picture = enlarged(picture, np.clip(2 * trust - DOUBT, 0, 1), bent)
            if shown.geometry:
                picture += np.float32(shown.geometry) * sketch.prior.validity[..., None] * (bent - picture)
        if sketch.mouth is not None:
            picture = borrow_inside(
                picture, sketch.mouth, sketch.geometry.landmarks, sketch.wanted, sketch.share
            )
        mask = face_mask(sketch.wanted.target, side, side, replace(GROW, side=GROW.side * shown.side))
        return MadeFace(np.clip(picture, 0, 1), mask, sketch.matrix, shown.face, sketch.own)

    def _run(self, sketches: Sequence[Sketch]) -> Made:
        inputs = to_float(torch.from_numpy(np.stack([sketch.face for sketch in sketches]))).to(self._device)
        priors = [_shrunk(sketch.prior, inputs.shape[-1]) for sketch in sketches if sketch.prior is not None]
        given = None
        if priors:
            given = torch.from_numpy(np.stack(priors)).permute(0, 3, 1, 2).to(self._device)
            given = given.contiguous(memory_format=torch.channels_last)
        half = self._precision == "bf16"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            return self._model.network(inputs, given, "source")

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[stage] += time.perf_counter() - begun


def _shrunk(prior: Prior, size: int) -> np.ndarray:
    """(size, size, 4) picture and validity in [0, 1], as the network takes them."""
    picture, validity = (
        cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA)
        for each in (prior.picture, prior.validity)
    )
    return np.clip(np.dstack([picture / np.float32(255), validity]), 0, 1)
