"""Faces of one frame by itself: for a draft of a frame that the measurement has not reached."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from effigie.faces.analyzer import analyze
from effigie.faces.person_matcher import PersonMatcher, TargetPerson
from effigie.faces.tracker import Tracker
from effigie.media import Frame
from effigie.swap.editing.shot_settings import ComposeSchedule, ShotSettings
from effigie.swap.inference.composition import ComposedFrame, RenderedFace, compose_faces
from effigie.swap.inference.people.planner import FacePlanner
from effigie.swap.inference.people.state import PersonState

MAX_FRAMES = 12  # whose made faces are kept


class SingleFrame:
    """Makes and composes the faces of single frames; made faces are kept for the next settings.

    Args:
        people: of their own, for they are made to forget.
        targets: whom to look for.
    """

    def __init__(self, people: Sequence[PersonState], targets: Sequence[TargetPerson]) -> None:
        self._people, self._targets = people, targets
        self._tracker: Tracker | None = None
        self._faces: OrderedDict[tuple[int, int | None], list[RenderedFace]] = OrderedDict()

    def compose(
        self, frame: Frame, matte: np.ndarray | None, schedule: ComposeSchedule, shots: Sequence[ShotSettings]
    ) -> ComposedFrame:
        """The frame with its faces; ``matte`` as of :func:`compose_faces`."""
        key = frame.index, frame.field
        if key not in self._faces:
            self._faces[key] = self._make(frame, shots)
            while len(self._faces) > MAX_FRAMES:
                self._faces.popitem(last=False)
        self._faces.move_to_end(key)
        faces = [(name, compositor.fresh_copy(), face, swapped) for name, compositor, face, swapped in self._faces[key]]
        return compose_faces(frame, matte, faces, schedule)

    def _make(self, frame: Frame, shots: Sequence[ShotSettings]) -> list[RenderedFace]:
        if self._tracker is None:
            self._tracker = Tracker()
        self._tracker.reset()
        (item,) = analyze([frame], self._tracker)
        for person in self._people:
            for state in person.states:
                state.update(None)
        matches = PersonMatcher(self._targets)(frame.image, item.faces)
        return [
            (
                planned.state.assignment.model.name,
                planned.compositor,
                planned.face,
                planned.state.swapper.render_faces(
                    [planned.state.swapper.prepare_inputs(frame.image, planned.face, planned.plan)]
                )[0],
            )
            for planned in FacePlanner(self._people, shots)(frame.index, item.faces, matches)
        ]
