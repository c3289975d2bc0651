"""Composes pictures of a clip as a conversion does, from where nothing before them matters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from effigie.media import Frame
from effigie.progress import CancelToken
from effigie.swap.editing.shot_settings import ComposeSchedule
from effigie.swap.inference.composition import ComposedFrame, compose_faces
from effigie.swap.inference.people.planner import PlannedFace
from effigie.swap.inference.people.state import FaceCompositor
from effigie.swap.inference.swapper import SwappedFace


class Replay:
    """Composes pictures in order with one set of settings, and goes on where it is.

    Args:
        plans: of each picture; it grows at its end.
        schedule: settings by frame.
        read: gives a picture and its matte by its number.
        make: gives its made faces.
    """

    def __init__(
        self,
        plans: Sequence[Sequence[PlannedFace]],
        schedule: ComposeSchedule,
        read: Callable[[int], tuple[Frame, np.ndarray | None]],
        make: Callable[[int], list[SwappedFace]],
    ) -> None:
        self._plans, self._schedule, self._read, self._make = plans, schedule, read, make
        self._starts: dict[int, int] = {}  # the first picture of a compositor
        self._plan_count = 0
        self._compositors: dict[int, FaceCompositor] = {}
        self._next, self._is_exact = 0, True

    def run(self, first: int, last: int, settle: int | None, cancel: CancelToken) -> tuple[list[ComposedFrame], bool]:
        """Pictures ``first`` to ``last``, those of one frame, and whether they are the conversion's own.

        Args:
            settle: start with empty memory so many pictures before, at most; None goes back as far as it matters.

        Raises:
            CancelledError: asked to stop; what was composed so far serves the next call.
        """
        start = self._find_start(first)
        goes_on = start <= self._next <= first
        if settle is not None:
            goes_on = goes_on and first - self._next <= settle
        elif not self._is_exact:
            goes_on = False
        if not goes_on:
            self._is_exact = settle is None or first - start <= settle
            self._next = start if self._is_exact or settle is None else first - settle
            self._compositors = {}
        composed: list[ComposedFrame] = []
        while self._next <= last:
            cancel.check()
            item = self._compose(self._next)
            self._next += 1
            if self._next > first:
                composed.append(item)
        return composed, self._is_exact

    def draft(self, number: int, make: Callable[[int], list[SwappedFace]]) -> ComposedFrame:
        """A picture by itself; the memory stays as it is."""
        frame, matte = self._read(number)
        rendered = [
            (planned.state.assignment.model.name, planned.compositor.fresh_copy(), planned.face, swapped)
            for planned, swapped in zip(self._plans[number], make(number), strict=True)
        ]
        return compose_faces(frame, matte, rendered, self._schedule)

    def _compose(self, number: int) -> ComposedFrame:
        frame, matte = self._read(number)
        rendered = []
        present = {}
        for planned, swapped in zip(self._plans[number], self._make(number), strict=True):
            key = id(planned.compositor)
            compositor = present[key] = self._compositors.get(key) or planned.compositor.fresh_copy()
            rendered.append((planned.state.assignment.model.name, compositor, planned.face, swapped))
        self._compositors |= present
        return compose_faces(frame, matte, rendered, self._schedule)

    def _find_start(self, number: int) -> int:
        """The latest picture from which ``number`` composes as from the clip's start."""
        for index in range(self._plan_count, len(self._plans)):
            for planned in self._plans[index]:
                self._starts.setdefault(id(planned.compositor), index)
        self._plan_count = len(self._plans)
        start = current = number
        while current >= start:
            for planned in self._plans[current]:
                start = min(start, self._starts[id(planned.compositor)])
            current -= 1
        return start
