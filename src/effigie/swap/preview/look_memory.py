"""Remembers what was found before faces, so that other settings of compositing do not ask the networks again.

What a predictor says depends on the frames that it saw before. Answers are therefore kept by the whole way to them,
with the predictor's memory at that place: who comes the same way gets the same answer, and who turns off goes on from
there as the predictor would have.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from effigie.arrays import Image
from effigie.faces.analyzer import Face
from effigie.occlusion.eyewear import Eyewear
from effigie.swap.inference.people.state import EyewearSource, VisibilitySource

MAX_ANSWERS = 400
Step = tuple[int, int]
Predictor = TypeVar("Predictor", VisibilitySource, EyewearSource)


class AnswerStore:
    """Answers by the way to them, the least recently used forgotten."""

    def __init__(self, limit: int = MAX_ANSWERS) -> None:
        self._limit = limit
        self._answers: OrderedDict[tuple[str, int], tuple[Any, Any, Face]] = OrderedDict()

    def get(self, key: tuple[str, int]) -> tuple[Any, Any, Face] | None:
        """The predictor after the answer, the answer, and the face that it is about."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def put(self, key: tuple[str, int], answer: tuple[Any, Any, Face]) -> None:
        """Keep an answer. Faces are told apart as objects, and live as long as answers about them."""
        self._answers[key] = answer
        while len(self._answers) > self._limit:
            self._answers.popitem(last=False)


class _Remembered(Generic[Predictor]):
    """A predictor that asks the store first."""

    kind = ""

    def __init__(self, predictor: Predictor, store: AnswerStore) -> None:
        self._predictor: Predictor = predictor
        self._store = store
        self._way = 0

    def _ask(self, image: Image, face: Face, side: int) -> Any:
        way = hash((self._way, id(face), side))
        record = self._store.get((self.kind, way))
        if record is None:
            predictor = copy.copy(self._predictor)  # its memory is replaced at each call, never changed
            answer = self._call(predictor, image, face, side)
            record = predictor, answer, face
            self._store.put((self.kind, way), record)
        self._way, self._predictor = way, record[0]
        return record[1]

    def _call(self, predictor: Predictor, image: Image, face: Face, side: int) -> Any:
        raise NotImplementedError


class RememberedVisibility(_Remembered[VisibilitySource]):
    """A visibility predictor of one track."""

    kind = "visibility"

    def fresh_copy(self) -> RememberedVisibility:
        return RememberedVisibility(self._predictor.fresh_copy(), self._store)

    def __call__(self, image: Image, face: Face, side: int) -> Any:
        return self._ask(image, face, side)

    def _call(self, predictor: VisibilitySource, image: Image, face: Face, side: int) -> Any:
        return predictor(image, face, side)


class RememberedEyewear(_Remembered[EyewearSource]):
    """A finder of glasses of one track."""

    kind = "eyewear"

    @property
    def is_kept(self) -> bool:
        return self._predictor.is_kept

    def fresh_copy(self) -> RememberedEyewear:
        return RememberedEyewear(self._predictor.fresh_copy(), self._store)

    def find(self, image: Image, face: Face, side: int) -> Eyewear | None:
        eyewear: Eyewear | None = self._ask(image, face, side)
        return eyewear

    def _call(self, predictor: EyewearSource, image: Image, face: Face, side: int) -> Any:
        return predictor.find(image, face, side)
