"""Settings that change within a clip: ranges of frames with settings of their own, or left as they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar

from effigie.compositing import ComposeSettings
from effigie.errors import UsageError
from effigie.io.stored_names import STORED_NAME
from effigie.swap.editing.strokes import PaintSchedule, Stroke

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class KeyFrame:
    """How made faces are put in at one frame of a shot; between two of them numbers change evenly.

    Attributes:
        frame: counted from 0, as the shot's.
        compose: the settings there. What is no number holds until the next.
    """

    frame: int
    compose: ComposeSettings = field(default_factory=ComposeSettings)

    def __post_init__(self) -> None:
        if self.frame < 0:
            raise UsageError(f"a key lies at frame 0 or later, not {self.frame}")


@dataclass(frozen=True)
class ShotSettings:
    """The settings of a range of frames.

    Attributes:
        first, last: frames counted from 0, both included; ``last`` None is the clip's end.
        skip: leave these frames as they are.
        excluded_models: models, as they were named, whose people are left as they are here.
        compose: how made faces are put in here; None as everywhere.
        keys: frames with settings of their own, between which these change evenly; before the first and after the last
            that one's hold. They take the place of ``compose``.
    """

    first: int = 0
    last: int | None = None
    skip: bool = False
    excluded_models: tuple[str, ...] = field(default=(), metadata={STORED_NAME: "without"})
    compose: ComposeSettings | None = None
    keys: tuple[KeyFrame, ...] = ()

    def __post_init__(self) -> None:
        if self.first < 0:
            raise UsageError(f"a shot begins at frame 0 or later, not {self.first}")
        if self.last is not None and self.last < self.first:
            raise UsageError(f"a shot from frame {self.first} cannot end at {self.last}")
        if len({key.frame for key in self.keys}) < len(self.keys):
            raise UsageError(f"the shot from frame {self.first} has two keys at one frame: keep one of them")


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


class ComposeSchedule:
    """How made faces are put in, frame by frame.

    Args:
        compose: where no shot says otherwise.
        shots: of the clip.
        strokes: painted onto the masks.

    Attributes:
        paint: what is painted on whose face in which frame.
    """

    def __init__(
        self, compose: ComposeSettings, shots: Sequence[ShotSettings] = (), strokes: Sequence[Stroke] = ()
    ) -> None:
        self._compose, self._shots = compose, ShotList(shots)
        self.paint = PaintSchedule(strokes)

    def __call__(self, frame: int) -> ComposeSettings:
        """The settings of a frame."""
        shot = self._shots(frame)
        if shot is None:
            return self._compose
        if not shot.keys:
            return shot.compose or self._compose
        keys = sorted(shot.keys, key=lambda key: key.frame)
        place = bisect_right([key.frame for key in keys], frame)
        if place in (0, len(keys)):
            return keys[min(place, len(keys) - 1)].compose
        previous, following = keys[place - 1], keys[place]
        return blend_settings(
            previous.compose, following.compose, (frame - previous.frame) / (following.frame - previous.frame)
        )


def blend_settings(first: Settings, second: Settings, share: float) -> Settings:
    """Settings between two: floating numbers ``share`` of the way from one to the other, all else of the one."""
    changes: dict[str, Any] = {}
    for name in (item.name for item in fields(first)):  # type: ignore[arg-type]
        start, end = getattr(first, name), getattr(second, name)
        if is_dataclass(start):
            changes[name] = blend_settings(start, end, share)
        elif isinstance(start, float) and isinstance(end, (int, float)):
            changes[name] = start + share * (end - start)
    return replace(first, **changes)  # type: ignore[type-var]
