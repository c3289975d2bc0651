"""Comparison of input and output in one pass: every person's face, and the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from effigie.evaluate.metrics.background_psnr import BackgroundError
from effigie.evaluate.metrics.regions import AROUND, build_mesh_mask
from effigie.evaluate.metrics.ssim import compute_background_ssim
from effigie.evaluate.protocols.face_comparison import ComparedFrame, FaceComparison
from effigie.evaluate.protocols.person import find_overlapping_face, find_person
from effigie.evaluate.report.frames import FrameTable
from effigie.faces.shot_detector import ShotDetector
from effigie.faces.tracker import Tracker

MACROBLOCK = 16  # pixels
COLUMNS = ("frame", "time", "shot", "psnr_outside", "ssim_outside")


class ClipComparison:
    """Accumulates what :func:`effigie.evaluate.evaluate_swap` reports.

    Args:
        faces: everybody whose face is swapped.
        tracks: of the input, which are theirs, each with its likeness.
        tracker: the one that numbered them; it starts over here.
        interval: SSIM on every n-th frame.
    """

    def __init__(
        self, faces: Sequence[FaceComparison], tracks: Sequence[dict[int, float]], tracker: Tracker, interval: int
    ) -> None:
        self.faces, self._tracks, self._interval = faces, tracks, interval
        self._input_tracker, self._output_tracker = tracker, Tracker()
        for one in (self._input_tracker, self._output_tracker):
            one.restart()
        self._cuts, self._shot = ShotDetector(), 0
        self.table = FrameTable(COLUMNS)
        self.background, self.background_luma = BackgroundError(), BackgroundError(luma=True)
        self.background_far = BackgroundError(MACROBLOCK)
        self.strangers = 0  # frames that were changed although nobody to be swapped is in them
        self.masked = self.has_covers = False

    def add(self, moment: ComparedFrame) -> None:
        """Compare the next frame; its shot is counted here."""
        index, output, mask = moment.index, moment.output, moment.mask
        self.masked |= mask is not None
        self.has_covers |= moment.cover is not None
        if self._cuts(moment.original):
            self._shot += 1
            for tracker in (self._input_tracker, self._output_tracker):
                tracker.reset()
        moment = replace(moment, shot=self._shot)
        input_faces, output_faces = self._input_tracker(moment.original), self._output_tracker(output)
        touched = np.zeros(output.shape[:2], np.uint8) if mask is None else mask
        is_present = False
        for face, tracks in zip(self.faces, self._tracks, strict=True):
            person = find_person(input_faces, tracks)
            if person is None:
                face.add_absent()
                continue
            is_present = True
            landmarks = person.landmark_result.landmarks
            if mask is None:
                touched = np.maximum(touched, build_mesh_mask(landmarks, output.shape[:2], AROUND))
            match = find_overlapping_face(output_faces, person)
            face.add(moment, landmarks, None if match is None else match.landmark_result.landmarks)
        self.strangers += not is_present and bool(touched.any())
        row = {"frame": index, "time": moment.time, "shot": self._shot}
        row["psnr_outside"] = self.background.add(output, moment.encoded, touched)
        for background in (self.background_luma, self.background_far):
            background.add(output, moment.encoded, touched)
        if index % self._interval == 0:
            row["ssim_outside"] = compute_background_ssim(output, moment.encoded, touched)
        self.table.add(row)
