"""From a made face to the frame: what covers the face is found out, the rest is composed."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np

from effigie.compositing import ComposeSettings, Compositor
from effigie.faces.analyzer import Face
from effigie.media import Frame
from effigie.occlusion.predictor import Visibility
from effigie.swap.inference.swapper import MadeFace


class Finish:
    """Puts one person's made faces into frames, in order, and remembers the frames before; one instance a track.

    It may run in a thread of its own, so that it is never reset: :meth:`again` makes another.

    Args:
        compose: how faces are put in.
        visibility: says what covers them.
        every: what covers a face is looked for in every n-th frame, and holds until the next.

    Attributes:
        seconds: spent on each stage.
    """

    def __init__(self, compose: ComposeSettings, visibility: Visibility, every: int = 1) -> None:
        self.compose, self.every = compose, every
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._compositor = Compositor(compose)
        self._visibility = visibility
        self._count = 0
        self._visible = np.zeros((0, 0), np.float32)

    def again(self, compose: ComposeSettings | None = None) -> Finish:
        """Another that remembers nothing, with the same settings or others."""
        made = Finish(compose or self.compose, self._visibility.again(), self.every)
        made.seconds = self.seconds
        return made

    def __call__(
        self, picture: np.ndarray, frame: Frame, face: Face, made: MadeFace, paint: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The picture with the made face in it, and the mask of what was replaced, (H, W) uint8.

        Args:
            picture: (H, W, 3) uint8, the frame or what others have made of it.
            frame: as it came; what covers a face is looked for there.
            face: measured in it.
            made: for it.
            paint: (H, W) float32 in 0..1 by which the mask is multiplied.
        """
        begun = time.perf_counter()
        visible = None
        if self.compose.occlusion == "on":
            visible = self._seen(frame, face, made.mask.shape[0])
            if made.own is not None:
                visible = visible * made.own
        self.seconds["occlusion"] += time.perf_counter() - begun
        begun = time.perf_counter()
        if made.share < 1:
            visible = np.full_like(made.mask, made.share) if visible is None else visible * made.share
        done = self._compositor.compose_masked(
            picture, made.picture, made.mask, made.matrix, frame.time, visible, paint
        )
        self.seconds["compose"] += time.perf_counter() - begun
        return done

    def _seen(self, frame: Frame, face: Face, side: int) -> np.ndarray:
        if self._count % self.every == 0 or self._visible.shape[0] != side:
            self._visible = self._visibility(frame.image, face, side)
        self._count += 1
        return self._visible
