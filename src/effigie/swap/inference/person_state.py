"""The state of each person who is swapped in a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from effigie.errors import UsageError
from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY
from effigie.swap.checkpoint import SwapModel
from effigie.swap.inference.compositing import FaceCompositor
from effigie.swap.inference.person_assignment import PersonAssignment
from effigie.swap.inference.swapper import Swapper


@dataclass
class PersonState:
    """A person who is swapped, with their model; memory of earlier frames ends with the person's track.

    Attributes:
        assignment: model and person asked for.
        model: loaded.
        swapper, compositor: of this person alone.
        swapped: frames so far in which their face was replaced.
    """

    assignment: PersonAssignment
    model: SwapModel
    swapper: Swapper
    compositor: FaceCompositor
    swapped: int = 0
    _track: int | None = field(default=None, repr=False)

    def update(self, face: Face | None) -> None:
        """Take the person's face in the next frame, or None where they are not."""
        track = None if face is None else face.track
        if track != self._track:
            self.swapper.reset()
            # Another, and not the same one reset: a thread behind may still work with it.
            self.compositor = self.compositor.fresh_copy()
            self._track = track

    def reset_compositor(self) -> None:
        """Forget the frames composed before: the person's face is left as it is in this one."""
        self.compositor = self.compositor.fresh_copy()


def check_distinct_people(assignments: Sequence[PersonAssignment], models: Sequence[SwapModel]) -> None:
    """Refuse two models that look for the same person: their frames could not be told apart.

    Raises:
        UsageError: two do.
    """
    targets = [
        (assignment, model.target.embedding)
        for assignment, model in zip(assignments, models, strict=True)
        if assignment.person is None
    ]
    for (one, embedding), (other, other_embedding) in combinations(targets, 2):
        similarity = float(np.dot(embedding, other_embedding))
        if similarity >= SAME_PERSON_SIMILARITY:
            raise UsageError(
                f"{one.model} and {other.model} were trained on the same person (cosine {similarity:.2f}): say by "
                "number whom each of them plays, --map 1=MODEL for the second largest face"
            )
