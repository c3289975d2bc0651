"""Who plays whom: several models in one conversion, each for a person of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from effigie.errors import UsageError
from effigie.faces.analyse import Face
from effigie.faces.identity import SAME_PERSON
from effigie.swap.finish import Finish
from effigie.swap.model import SwapModel
from effigie.swap.swapper import Swapper


@dataclass(frozen=True)
class Role:
    """A model, and whose face it replaces.

    Attributes:
        model: a folder made by :func:`effigie.swap.train`.
        who: None for whoever it was trained on, told by identity; a number for the n-th largest face of the first
            frame that shows so many (0 = largest), followed by identity from then on.
    """

    model: Path
    who: int | None = None

    def __post_init__(self) -> None:
        if self.who is not None and self.who < 0:
            raise UsageError(f"who must be 0 or more, not {self.who}")


def roles(model: str | Path | Role | Sequence[str | Path | Role]) -> list[Role]:
    """Of anything that names models.

    Raises:
        UsageError: there is none, or one twice, or two for one number.
    """
    given = [model] if isinstance(model, (str, Path, Role)) else list(model)
    cast = [one if isinstance(one, Role) else Role(Path(one)) for one in given]
    if not cast:
        raise UsageError("name a model: a folder made by `effigie train`")
    folders = [role.model.resolve() for role in cast]
    for number, role in enumerate(cast):
        if folders[number] in folders[:number]:
            raise UsageError(f"{role.model} is named twice: a model plays one person")
        if role.who is not None and role.who in [other.who for other in cast[:number]]:
            raise UsageError(f"two models are to play face {role.who}: each face can have one")
    return cast


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
