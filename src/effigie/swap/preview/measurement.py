"""Measures a clip's faces in a thread, from its first frame on: what comes later depends on what came before."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effigie.errors import EffigieError
from effigie.execution.pipeline import shared_cores
from effigie.faces.analyzer import Face
from effigie.faces.person_matcher import PersonMatcher
from effigie.progress import CancelToken
from effigie.swap.inference.footage import Footage

POLL_S = 0.1


@dataclass(frozen=True)
class MeasuredPicture:
    """The faces of one frame, or of one field.

    Attributes:
        index: of the frame.
        faces: the very list of the picture before where that is repeated.
        matches: of each person the faces that are theirs.
    """

    index: int
    faces: list[Face]
    matches: Sequence[Sequence[Face]]


class Measurement:
    """A clip's faces as far as they are measured; 7 kB a face.

    Args:
        footage: decoded and analyzed; iterated to its end by a thread.
        matcher: says whose faces they are.

    Attributes:
        pictures: frames, or fields, in order; only ever longer.
        is_complete: whether the clip's end is reached.
        error: what ended it before that.
    """

    def __init__(self, footage: Footage, matcher: PersonMatcher) -> None:
        self.pictures: list[MeasuredPicture] = []
        self.is_complete = False
        self.error: EffigieError | None = None
        self._footage, self._matcher = footage, matcher
        self._changed = threading.Condition()
        self._pauses, self._is_closed = 0, False
        self._thread = threading.Thread(target=self._run, name="measurement", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Measure nothing within the block: somebody waits for a picture."""
        with self._changed:
            self._pauses += 1
        try:
            yield
        finally:
            with self._changed:
                self._pauses -= 1
                self._changed.notify_all()

    def count_frames(self) -> int:
        """How many frames, from the first on, are measured."""
        pictures = self.pictures
        return pictures[-1].index + (1 if self.is_complete else 0) if pictures else 0

    def list_person_ranges(self) -> list[tuple[int, int]]:
        """Ranges of frames, both ends included, in which somebody is found whose face is to be replaced."""
        ranges: list[tuple[int, int]] = []
        for picture in list(self.pictures):
            if not any(picture.matches):
                continue
            if ranges and picture.index <= ranges[-1][1] + 1:
                ranges[-1] = ranges[-1][0], picture.index
            else:
                ranges.append((picture.index, picture.index))
        return ranges

    def wait(self, index: int, cancel: CancelToken) -> bool:
        """Wait until a frame is measured; False where the clip ends before it.

        Raises:
            EffigieError: measuring has failed.
            CancelledError: asked to stop.
        """
        with self._changed:
            while self.count_frames() <= index and not self.is_complete:
                if self.error is not None:
                    raise self.error
                cancel.check()
                self._changed.wait(POLL_S)
            return self.count_frames() > index

    def _run(self) -> None:
        try:
            with shared_cores():
                for item in self._footage.analyzed:
                    matches = self._matcher(item.frame.image, item.faces)
                    with self._changed:
                        self.pictures.append(MeasuredPicture(item.frame.index, item.faces, matches))
                        self._changed.notify_all()
                        while self._pauses and not self._is_closed:
                            self._changed.wait()
                        if self._is_closed:
                            return
            self.is_complete = True
        except EffigieError as error:
            self.error = error
        except Exception as error:
            self.error = EffigieError(f"{self._footage.reader.path} cannot be measured ({error})")
        with self._changed:
            self._changed.notify_all()
