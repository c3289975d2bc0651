"""Settings that change within a clip: stretches of frames with their own, or left as they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError


@dataclass(frozen=True)
class Shot:
    """A stretch of frames.

    Attributes:
        first, last: frames counted from 0, both included; ``last`` None is the clip's end.
        skip: leave these frames as they are.
        without: models, as they were named, whose people are left as they are here.
        compose: how made faces are put in here; None as everywhere.
    """

    first: int = 0
    last: int | None = None
    skip: bool = False
    without: tuple[str, ...] = ()
    compose: ComposeSettings | None = None

    def __post_init__(self) -> None:
        if self.first < 0:
            raise UsageError(f"a shot begins at frame 0 or later, not {self.first}")
        if self.last is not None and self.last < self.first:
            raise UsageError(f"a shot from frame {self.first} cannot end at {self.last}")


class Shots:
    """Which shot a frame is in.

    Raises:
        UsageError: two of them overlap.
    """

    def __init__(self, shots: Sequence[Shot]) -> None:
        self._shots = sorted(shots, key=lambda shot: shot.first)
        for one, other in pairwise(self._shots):
            if one.last is None or one.last >= other.first:
                raise UsageError(f"the shots from frame {one.first} and from {other.first} overlap")
        self._firsts = [shot.first for shot in self._shots]

    def __call__(self, frame: int) -> Shot | None:
        """The shot of a frame, or None."""
        place = bisect_right(self._firsts, frame) - 1
        if place < 0:
            return None
        shot = self._shots[place]
        return shot if shot.last is None or frame <= shot.last else None
