"""Plans the made faces of a clip frame by frame: whose, by which state, and how; no picture is made here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from effigie.faces.analyzer import Face
from effigie.swap.editing.shot_settings import ShotList, ShotSettings
from effigie.swap.inference.people.state import FaceCompositor, PersonState
from effigie.swap.inference.swapper import FacePlan


@dataclass(frozen=True)
class PlannedFace:
    """A face that is to be made in a frame.

    Attributes:
        state: whose swapper makes it.
        compositor: that puts it in; another one wherever nothing of the frames before is to be remembered.
        plan: the very one of the frame before where that is repeated: the same face is shown.
    """

    state: PersonState
    compositor: FaceCompositor
    face: Face
    plan: FacePlan


class FacePlanner:
    """Plans a clip's faces, frames in order.

    Args:
        people: in the order of their models.
        shots: of the clip.
    """

    def __init__(self, people: Sequence[PersonState], shots: Sequence[ShotSettings] = ()) -> None:
        self._people = people
        self._shots = ShotList(shots)
        self._shot: ShotSettings | None = None
        self._repeated_faces: list[Face] | None = None  # of the frame before; a frame that repeats it has the same list
        self._plans: dict[int, FacePlan] = {}  # of that frame, by state

    def __call__(self, index: int, faces: list[Face], matches: Sequence[Sequence[Face]]) -> list[PlannedFace]:
        """What is to be made in a frame, by person.

        Args:
            index: of the frame; its fields have the same.
            faces: all that were measured in it; the very list of the frame before where that is repeated.
            matches: of each person the faces that are theirs.
        """
        self._apply_shot(self._shots(index))
        previous_plans = self._plans if faces is self._repeated_faces else {}
        self._repeated_faces, self._plans = faces, {}
        planned: list[PlannedFace] = []
        for person, own_faces in zip(self._people, matches, strict=True):
            count = len(planned)
            for state, face in person.assign([] if self._is_excluded(person) else own_faces):
                if (plan := self._plan_face(index, state, face, previous_plans)) is not None:
                    planned.append(PlannedFace(state, state.compositor, face, plan))
            if len(planned) > count:
                person.count_frame(index)
        return planned

    def _plan_face(
        self, index: int, state: PersonState, face: Face, previous_plans: dict[int, FacePlan]
    ) -> FacePlan | None:
        """How a face is made; None where the head is turned too far."""
        plan, previous = state.swapper.plan(face, index), previous_plans.get(id(state))
        if plan is None:
            state.reset_compositor()
            return None
        if previous is not None and plan.pose_state.opacity == previous.pose_state.opacity == 1:
            # The same picture once more: the same face. What fades from frame to frame has gone on meanwhile.
            plan = previous
        self._plans[id(state)] = plan
        return plan

    def _apply_shot(self, shot: ShotSettings | None) -> None:
        """Where another shot begins nothing of the frames before is remembered."""
        if shot == self._shot:
            return
        self._shot, self._repeated_faces = shot, None
        for state in itertools.chain(*(person.states for person in self._people)):
            state.update(None)
            state.compositor = state.compositor.fresh_copy()

    def _is_excluded(self, state: PersonState) -> bool:
        shot = self._shot
        return shot is not None and (shot.skip or str(state.assignment.model) in shot.excluded_models)
