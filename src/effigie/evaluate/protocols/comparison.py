"""One pass over input and output side by side: who is where, everybody's face, and the rest of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from effigie.evaluate.metrics.background_psnr import OutsideError
from effigie.evaluate.metrics.regions import AROUND, mesh_mask
from effigie.evaluate.metrics.ssim import ssim_outside
from effigie.evaluate.protocols.face_comparison import FaceComparison, Moment
from effigie.evaluate.protocols.person import same_place, the_person
from effigie.evaluate.report.frames import FrameTable
from effigie.faces.shot_detector import Cuts
from effigie.faces.tracker import Tracker

MACROBLOCK = 16  # pixels
COLUMNS = ("frame", "time", "shot", "psnr_outside", "ssim_outside")


class Comparison:
    """Adds up what :func:`effigie.evaluate.evaluate_swap` reports.

    Args:
        faces: everybody whose face is swapped.
        tracks: of the input, which are theirs, each with its likeness.
        tracker: the one that numbered them; it starts over here.
        every: SSIM on every n-th frame.
    """

    def __init__(
        self,
        faces: Sequence[FaceComparison],
        tracks: Sequence[dict[int, float]],
        tracker: Tracker,
        every: int,
    ) -> None:
        self.faces, self._tracks, self._every = faces, tracks, every
        self._given, self._made = tracker, Tracker()
        for each in (self._given, self._made):
            each.restart()
        self._cuts, self._shot = Cuts(), 0
        self.table = FrameTable(COLUMNS)
        self.outside, self.outside_luma = OutsideError(), OutsideError(luma=True)
        self.outside_far = OutsideError(MACROBLOCK)
        self.strangers = 0  # frames that were changed although nobody to be swapped is in them
        self.masked = self.drawn = False

    def add(
        self,
        index: int,
        time: float,
        output: np.ndarray,
        given: np.ndarray,
        encoded: np.ndarray,
        mask: np.ndarray | None,
        cover: np.ndarray | None = None,
    ) -> None:
        """The next frame, see :class:`~effigie.evaluate.protocols.face_comparison.Moment`."""
        self.masked |= mask is not None
        self.drawn |= cover is not None
        if self._cuts(given):
            self._shot += 1
            for tracker in (self._given, self._made):
                tracker.reset()
        moment = Moment(index, time, self._shot, output, given, encoded, mask, cover)
        there, made = self._given(given), self._made(output)
        touched = np.zeros(output.shape[:2], np.uint8) if mask is None else mask
        seen = False
        for face, tracks in zip(self.faces, self._tracks, strict=True):
            person = the_person(there, tracks)
            if person is None:
                face.absent()
                continue
            seen = True
            landmarks = person.measured.landmarks
            if mask is None:
                touched = np.maximum(touched, mesh_mask(landmarks, output.shape[:2], AROUND))
            same = same_place(made, person)
            face.add(moment, landmarks, None if same is None else same.measured.landmarks)
        self.strangers += not seen and bool(touched.any())
        row = {"frame": index, "time": time, "shot": self._shot}
        row["psnr_outside"] = self.outside.add(output, encoded, touched)
        for outside in (self.outside_luma, self.outside_far):
            outside.add(output, encoded, touched)
        if index % self._every == 0:
            row["ssim_outside"] = ssim_outside(output, encoded, touched)
        self.table.add(row)
