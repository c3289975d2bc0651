"""A person who is swapped in a conversion: their swapper and compositor, and the memory of earlier frames."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from effigie.arrays import Image
from effigie.compositing import ComposeSettings, Compositor
from effigie.compositing.canvas import Canvas
from effigie.compositing.paint import MaskPaint
from effigie.errors import UsageError
from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY
from effigie.media import Frame
from effigie.occlusion.eyewear import Eyewear
from effigie.swap.checkpoint import SwapModel
from effigie.swap.inference.invention_log import InventionLog
from effigie.swap.inference.people.assignment import PersonAssignment
from effigie.swap.inference.swapper import SwappedFace, Swapper
from effigie.swap.inference.target_eyewear import paint_over


class VisibilitySource(Protocol):
    """Says what covers the faces of one track, as :class:`effigie.occlusion.predictor.VisibilityPredictor` does."""

    def fresh_copy(self) -> VisibilitySource: ...

    def __call__(self, image: Image, face: Face, side: int) -> np.ndarray: ...


class EyewearSource(Protocol):
    """Finds the glasses of one track's face, as :class:`effigie.swap.inference.target_eyewear.TargetEyewear` does."""

    @property
    def is_kept(self) -> bool: ...

    def fresh_copy(self) -> EyewearSource: ...

    def find(self, image: Image, face: Face, side: int) -> Eyewear | None: ...


class FaceCompositor:
    """Puts one person's made faces into frames, in order, and remembers the frames before; one instance a track.

    It may run in a thread of its own, so that it is never reset: :meth:`fresh_copy` makes another.

    Args:
        visibility: says what covers faces.
        visibility_interval: what covers a face is looked for in every n-th frame, and holds until the next.
        eyewear: finds the footage's glasses, to keep them whole or to take them out; None does not look.

    Attributes:
        seconds: spent on each stage.
    """

    def __init__(
        self,
        compose: ComposeSettings,
        visibility: VisibilitySource,
        visibility_interval: int = 1,
        eyewear: EyewearSource | None = None,
    ) -> None:
        self.compose, self.visibility_interval = compose, visibility_interval
        self._eyewear = eyewear
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._compositor = Compositor(compose)
        self._visibility = visibility
        self._count = 0
        self._last_visibility = np.zeros((0, 0), np.float32)
        self._last_swapped: SwappedFace | None = None
        self._last_paint: MaskPaint | None = None

    def fresh_copy(self) -> FaceCompositor:
        """A new one without memory of earlier frames, with the same settings."""
        visibility = self._visibility.fresh_copy()
        eyewear = None if self._eyewear is None else self._eyewear.fresh_copy()
        compositor = FaceCompositor(self.compose, visibility, self.visibility_interval, eyewear)
        compositor.seconds = self.seconds
        return compositor

    def with_looks(
        self,
        wrap_visibility: Callable[[VisibilitySource], VisibilitySource],
        wrap_eyewear: Callable[[EyewearSource], EyewearSource],
    ) -> FaceCompositor:
        """A fresh copy whose networks are asked through others."""
        compositor = self.fresh_copy()
        # What is asked after glasses were painted over depends on the painting.
        if compositor._eyewear is None or compositor._eyewear.is_kept:
            compositor._visibility = wrap_visibility(compositor._visibility)
        if compositor._eyewear is not None:
            compositor._eyewear = wrap_eyewear(compositor._eyewear)
        return compositor

    def adjust(self, compose: ComposeSettings) -> None:
        """Use other settings from the next frame on; what is remembered of the frames before stays."""
        if compose != self.compose:
            self.compose = compose
            self._compositor.adjust(compose)

    def __call__(
        self,
        canvas: Canvas,
        frame: Frame,
        face: Face,
        swapped: SwappedFace,
        matte: np.ndarray | None = None,
        paint: MaskPaint | None = None,
    ) -> np.ndarray:
        """Put the made face onto the canvas; returns the mask of what was replaced, (H, W) uint8.

        Args:
            canvas: the frame or what others have made of it.
            frame: as it came; what covers a face is looked for there.
            swapped: the very one of the frame before where that is repeated: it is placed as it was there.
            matte: (H, W) float32 in 0..1 by which the mask is multiplied.
            paint: what was painted onto the mask, on the made face's crop; the very same object for the same paint.
        """
        start = time.perf_counter()
        is_same = swapped is self._last_swapped and paint is self._last_paint and matte is None
        if is_same and self._compositor.repeats(canvas.image):
            mask = self._compositor.repeat(canvas)
            self.seconds["compose"] += time.perf_counter() - start
            return mask
        self._last_swapped, self._last_paint = (swapped if matte is None else None), paint
        visible = bare = None
        side = swapped.mask.shape[0]
        eyewear, glasses = self._eyewear, None
        if eyewear is not None and (self.compose.occlusion == "on" or not eyewear.is_kept):
            glasses = eyewear.find(frame.image, face, side)
        if eyewear is not None and glasses is not None and not eyewear.is_kept:
            bare = paint_over(canvas, face.matrix(side), glasses, swapped.opacity, matte)
            frame = replace(frame, image=np.where(bare[..., None] > 0, canvas.image, frame.image))
        if self.compose.occlusion == "on":
            visible = self._predict_visibility(frame, face, side)
            if glasses is not None and bare is None:
                visible = np.minimum(visible, 1 - glasses.cover)
            if swapped.source_mask is not None:
                visible = visible * swapped.source_mask
            if swapped.front is not None:
                visible = np.maximum(visible, swapped.front)
        self.seconds["occlusion"] += time.perf_counter() - start
        start = time.perf_counter()
        if swapped.opacity < 1:
            visible = (np.ones_like(swapped.mask) if visible is None else visible) * swapped.opacity
        mask = self._compositor.compose_onto(
            canvas,
            swapped.picture,
            swapped.mask,
            swapped.matrix,
            frame.time,
            visible,
            matte,
            swapped.features,
            swapped.interior,
            paint,
            swapped.front,
        )
        self.seconds["compose"] += time.perf_counter() - start
        return mask if bare is None else np.maximum(mask, bare)

    def _predict_visibility(self, frame: Frame, face: Face, side: int) -> np.ndarray:
        if self._count % self.visibility_interval == 0 or self._last_visibility.shape[0] != side:
            self._last_visibility = self._visibility(frame.image, face, side)
        self._count += 1
        return self._last_visibility


@dataclass
class PersonState:
    """A person who is swapped, with their model; memory of earlier frames ends with the person's track.

    Attributes:
        build_swapper: makes another swapper of the same model.
        notes: on their source's frames, for the report.
        swapped: frames so far in which their face was replaced.
        inventions: what had to be made up in them.
        repeats: a state for each further face of theirs, as in a mirror or a split screen.
    """

    assignment: PersonAssignment
    model: SwapModel
    build_swapper: Callable[[], Swapper]
    compositor: FaceCompositor
    notes: list[str] = field(default_factory=list)
    swapper: Swapper = field(init=False)
    repeats: list[PersonState] = field(default_factory=list)
    swapped: int = 0
    inventions: InventionLog = field(init=False, repr=False)
    _track: int | None = field(default=None, repr=False)
    _last_frame: int = field(default=-1, repr=False)

    def __post_init__(self) -> None:
        self.swapper = self.build_swapper()
        self.inventions = InventionLog(self.model.bank)

    @property
    def states(self) -> list[PersonState]:
        """This state, and those of further faces of theirs."""
        return [self, *self.repeats]

    def assign(self, faces: Sequence[Face]) -> list[tuple[PersonState, Face]]:
        """Give each of the person's faces in the next frame to the state that knows its track; others end theirs."""
        while len(self.states) < len(faces):
            repeat = PersonState(self.assignment, self.model, self.build_swapper, self.compositor.fresh_copy())
            repeat.inventions = self.inventions
            self.repeats.append(repeat)
        tracks = {face.track: face for face in faces}
        continuations = {id(state): tracks.pop(state._track) for state in self.states if state._track in tracks}
        waiting = iter(tracks.values())
        assigned = []
        for state in self.states:
            face = continuations[id(state)] if id(state) in continuations else next(waiting, None)
            state.update(face)
            if face is not None:
                assigned.append((state, face))
        return assigned

    def update(self, face: Face | None) -> None:
        """Take the person's face in the next frame, or None where they are not."""
        track = None if face is None else face.track
        if track != self._track:
            self.swapper.reset()
            # Another, and not the same one reset: a thread behind may still work with it.
            self.compositor = self.compositor.fresh_copy()
            self._track = track

    def count_frame(self, index: int) -> None:
        """Count a frame as swapped, once for both of its fields."""
        self.swapped += index != self._last_frame
        self._last_frame = index

    def reset_compositor(self) -> None:
        """Forget the frames composed before: the person's face is left as it is in this one."""
        self.compositor = self.compositor.fresh_copy()


def check_distinct_people(assignments: Sequence[PersonAssignment], models: Sequence[SwapModel]) -> None:
    """Refuse two models that look for the same person: their frames could not be told apart."""
    targets = [
        (assignment, model.target.embedding)
        for assignment, model in zip(assignments, models, strict=True)
        if assignment.person is None
    ]
    for (first, embedding), (second, other_embedding) in combinations(targets, 2):
        similarity = float(np.dot(embedding, other_embedding))
        if similarity >= SAME_PERSON_SIMILARITY:
            raise UsageError(
                f"{first.model} and {second.model} were trained on the same person (cosine {similarity:.2f}): say by "
                "number whom each of them plays, --map 1=MODEL for the second largest face"
            )
