"""Settings that change within a clip: ranges of frames with settings of their own, or left as they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError
from effigie.io.stored_names import STORED_NAME


@dataclass(frozen=True)
class ShotSettings:
    """The settings of a range of frames.

    Attributes:
        first, last: frames counted from 0, both included; ``last`` None is the clip's end.
        skip: leave these frames as they are.
        excluded_models: models, as they were named, whose people are left as they are here.
        compose: how made faces are put in here; None as everywhere.
    """

    first: int = 0
    last: int | None = None
    skip: bool = False
    excluded_models: tuple[str, ...] = field(default=(), metadata={STORED_NAME: "without"})
    compose: ComposeSettings | None = None

    def __post_init__(self) -> None:
        if self.first < 0:
            raise UsageError(f"a shot begins at frame 0 or later, not {self.first}")
        if self.last is not None and self.last < self.first:
            raise UsageError(f"a shot from frame {self.first} cannot end at {self.last}")


class ShotList:
    """The shots of a clip, found by frame number; they must not overlap."""

    def __init__(self, shots: Sequence[ShotSettings]) -> None:
        self._shots = sorted(shots, key=lambda shot: shot.first)
        for one, other in pairwise(self._shots):
            if one.last is None or one.last >= other.first:
                raise UsageError(f"the shots from frame {one.first} and from {other.first} overlap")
        self._firsts = [shot.first for shot in self._shots]

    def __call__(self, frame: int) -> ShotSettings | None:
        """The shot of a frame, or None."""
        place = bisect_right(self._firsts, frame) - 1
        shot = self._shots[place] if place >= 0 else None
        return None if shot is None or (shot.last is not None and frame > shot.last) else shot
