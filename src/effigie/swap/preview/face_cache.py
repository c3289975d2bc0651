"""Cache of the faces made for a clip's pictures, in the batches in which a conversion makes them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from effigie.arrays import Image
from effigie.swap.inference.conversion import BATCH_FRAMES
from effigie.swap.inference.people.planner import PlannedFace
from effigie.swap.inference.people.state import PersonState
from effigie.swap.inference.swapper import FacePlan, SwappedFace

MAX_BYTES = 384 << 20


class FaceCache:
    """The made faces of planned pictures.

    Args:
        people: whose swappers make them.
        plans: of each picture, in order; it grows at its end.
        read: gives a picture, (H, W, 3) uint8 RGB, by its number.
    """

    def __init__(
        self,
        people: Sequence[PersonState],
        plans: Sequence[Sequence[PlannedFace]],
        read: Callable[[int], Image],
        limit: int = MAX_BYTES,
    ) -> None:
        self._people, self._plans, self._read, self._limit = people, plans, read, limit
        self._faces: OrderedDict[int, tuple[FacePlan, SwappedFace]] = OrderedDict()
        self._bytes = 0
        self._origins: dict[int, int] = {}  # picture that a plan is of, where others repeat it
        self._plan_count = 0

    def of_picture(self, number: int) -> list[SwappedFace]:
        """The faces of a picture in the order of its plans, exactly as a conversion makes them.

        All pictures of its batch must be planned, up to the clip's end.
        """
        self._note_origins()
        for planned in self._plans[number]:
            if id(planned.plan) not in self._faces:
                self._make_batch(self._origins[id(planned.plan)] // BATCH_FRAMES)
        return [self._take(planned) for planned in self._plans[number]]

    def of_picture_alone(self, number: int) -> list[SwappedFace]:
        """As :meth:`of_picture`, without the rest of its batch where it is not made yet: sums may round otherwise."""
        faces = []
        for planned in self._plans[number]:
            record = self._faces.get(id(planned.plan))
            if record is not None:
                faces.append(record[1])
            else:
                swapper = planned.state.swapper
                inputs = swapper.prepare_inputs(self._read(number), planned.face, planned.plan)
                faces += swapper.render_faces([inputs])
        return faces

    def _note_origins(self) -> None:
        for number in range(self._plan_count, len(self._plans)):
            for planned in self._plans[number]:
                self._origins.setdefault(id(planned.plan), number)
        self._plan_count = len(self._plans)

    def _make_batch(self, batch: int) -> None:
        first = batch * BATCH_FRAMES
        numbers = range(first, min(first + BATCH_FRAMES, len(self._plans)))
        for person in self._people:
            own = {id(state) for state in person.states}
            new: dict[int, tuple[int, PlannedFace]] = {}
            for number in numbers:
                for planned in self._plans[number]:
                    if id(planned.state) in own and self._origins[id(planned.plan)] == number:
                        new.setdefault(id(planned.plan), (number, planned))
            if not new:
                continue
            inputs = [
                planned.state.swapper.prepare_inputs(self._read(number), planned.face, planned.plan)
                for number, planned in new.values()
            ]
            rendered = person.swapper.render_faces(inputs)
            for (_, planned), face in zip(new.values(), rendered, strict=True):
                self._keep(planned.plan, face)

    def _take(self, planned: PlannedFace) -> SwappedFace:
        self._faces.move_to_end(id(planned.plan))
        return self._faces[id(planned.plan)][1]

    def _keep(self, plan: FacePlan, face: SwappedFace) -> None:
        if id(plan) not in self._faces:
            self._bytes += _size(face)
        self._faces[id(plan)] = plan, face
        self._faces.move_to_end(id(plan))
        while self._bytes > self._limit and len(self._faces) > 4 * BATCH_FRAMES:
            self._bytes -= _size(self._faces.popitem(last=False)[1][1])


def _size(face: SwappedFace) -> int:
    arrays = (face.picture, face.mask, face.source_mask, face.features, face.interior)
    return sum(array.nbytes for array in arrays if array is not None)
