"""Who plays whom: several models in one conversion, each for a person of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from effigie.errors import UsageError
from effigie.faces.analyzer import Face
from effigie.faces.recognizer import SAME_PERSON
from effigie.swap.checkpoint import SwapModel
from effigie.swap.inference.compositing import Finish
from effigie.swap.inference.roles import Role
from effigie.swap.inference.swapper import Swapper


@dataclass
class Part:
    """One role in the making; what remembers earlier frames forgets them when the person's track ends.

    Attributes:
        role: what was asked for.
        model: loaded.
        swapper, finish: of this person alone.
        swapped: frames so far in which their face was replaced.
    """

    role: Role
    model: SwapModel
    swapper: Swapper
    finish: Finish
    swapped: int = 0
    _track: int | None = field(default=None, repr=False)

    def follow(self, face: Face | None) -> None:
        """Call for every frame with the person's face, or None where they are not."""
        track = None if face is None else face.track
        if track != self._track:
            self.swapper.reset()
            # Another, and not the same one reset: a thread behind may still work with it.
            self.finish = self.finish.again()
            self._track = track

    def leave(self) -> None:
        """Their face is left as it is in this frame: what was composed before is no longer of use."""
        self.finish = self.finish.again()


def check_distinct(cast: Sequence[Role], models: Sequence[SwapModel]) -> None:
    """Two models that look for the same person could not tell whose frames are whose.

    Raises:
        UsageError: two do.
    """
    sought = [
        (role, model.target.embedding) for role, model in zip(cast, models, strict=True) if role.who is None
    ]
    for (one, mine), (other, theirs) in combinations(sought, 2):
        likeness = float(np.dot(mine, theirs))
        if likeness >= SAME_PERSON:
            raise UsageError(
                f"{one.model} and {other.model} were trained on the same person (cosine {likeness:.2f}): say by "
                "number whom each of them plays, --map 1=MODEL for the second largest face"
            )
