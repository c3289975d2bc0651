"""Tracks faces from frame to frame: the landmarks of one frame give the region of interest in the next.

Detection runs only when nobody is tracked, when a track is unsure, and now and then to meet newcomers. Somebody the
quick detector cannot see (far, small, turned away) is looked for by the slow one. Where a shot begins without a face it
is looked for upside down and on its side as well, and doubtful detections are looked at from all four sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from effigie.arrays import Image
from effigie.faces.crop import Roi
from effigie.faces.detector import BlazeFaceDetector, Detection, YuNetDetector
from effigie.faces.landmarker import BlendshapeModel, LandmarkModel, LandmarkResult
from effigie.faces.turned_search import SURE_SCORE, Detector, correct_turn, detect_turned

TURNED_SEARCHES = 2  # of a shot, while nobody has been seen in it


@dataclass(frozen=True)
class TrackerSettings:
    """Settings of :class:`Tracker`."""

    keep_threshold: float = 0.5  # presence (0..1) above which a tracked face is still there
    accept_threshold: float = 0.7  # presence above which a newly detected face is believed
    detect_interval: int = 12  # frames between detections while every track is sure
    search_interval: int = 4  # frames between searches with the slow detector while nobody is in view
    max_missing_frames: int = 15  # for which a lost face keeps its number, in case it comes back to the same place


@dataclass
class TrackedFace:
    """A tracked face in one frame."""

    track: int
    landmark_result: LandmarkResult
    blendshapes: np.ndarray


@dataclass
class _Track:
    number: int
    roi: Roi
    missing_frames: int = 0
    current: LandmarkResult | None = field(default=None, repr=False)


def _overlaps(track: _Track, tracks: list[_Track]) -> bool:
    return any(other.current is not None and other.roi.overlap(track.roi) >= 0.6 for other in tracks)


class Tracker:
    """Tracks every face of a clip; call it with the frames in order."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._short_range = BlazeFaceDetector()
        self._long_range: YuNetDetector | None = None
        self._landmarks = LandmarkModel()
        self._blendshapes = BlendshapeModel()
        self._tracks: list[_Track] = []
        self._next_number = 0
        self._frames_since_detect = 0
        self._frames_since_search = self.settings.search_interval  # the first frame may hold far faces only
        self._turned_searches = TURNED_SEARCHES  # left

    def reset(self) -> None:
        """Drop all tracks, numbers go on; call it at a cut."""
        self._tracks = []
        self._frames_since_search = self.settings.search_interval
        self._turned_searches = TURNED_SEARCHES

    def restart(self) -> None:
        """Drop all tracks and number from 0 again; call it before another clip."""
        self.reset()
        self._next_number = self._frames_since_detect = 0

    def __call__(self, image: Image) -> list[TrackedFace]:
        """Faces of the next frame, (H, W, 3) uint8 RGB."""
        self._track_faces(image)
        self._frames_since_detect += 1
        self._frames_since_search += 1
        unsure = not self._tracks or any(track.current is None for track in self._tracks)
        if unsure or self._frames_since_detect >= self.settings.detect_interval:
            self._detect(image)
        longest = self.settings.max_missing_frames
        self._tracks = [track for track in self._tracks if track.missing_frames <= longest]
        return [
            TrackedFace(track.number, track.current, self._blendshapes(track.current.landmarks))
            for track in self._tracks
            if track.current is not None
        ]

    def _track_faces(self, image: Image) -> None:
        for track in self._tracks:
            track.current = None
            if track.missing_frames == 0:
                self._update(track, self._landmarks(image, track.roi), self.settings.keep_threshold, image)
            if track.current is None:
                track.missing_frames += 1
        self._merge_duplicates()

    def _merge_duplicates(self) -> None:
        """Merge tracks that drifted onto one face into the older one."""
        tracks: list[_Track] = []
        for track in self._tracks:
            if track.current is None or not _overlaps(track, tracks):
                tracks.append(track)
        self._tracks = tracks

    def _detect(self, image: Image) -> None:
        self._frames_since_detect = 0
        for detection in self._short_range(image):
            self._add_detection(image, detection)
        just_lost = any(track.missing_frames == 1 for track in self._tracks)
        somebody_missing = not self._tracks or any(track.current is None for track in self._tracks)
        if just_lost or (somebody_missing and self._frames_since_search >= self.settings.search_interval):
            self._frames_since_search = 0
            self._long_range = self._long_range or YuNetDetector()
            for detection in self._long_range(image):
                self._add_detection(image, detection)
            if self._turned_searches and not self._tracks:
                self._turned_searches -= 1
                self._detect_turned(image)
        if self._tracks:
            self._turned_searches = 0

    def _detect_turned(self, image: Image) -> None:
        """Look for faces upside down and on their side; the slow detector only if the quick one finds none."""
        detectors: list[Detector] = [self._short_range]
        if self._long_range is not None:
            detectors.append(self._long_range)
        for detector in detectors:
            for roi in detect_turned(image, detector):
                self._add_face(image, correct_turn(image, roi, self._short_range) or roi)
            if self._tracks:
                return

    def _add_detection(self, image: Image, detection: Detection) -> None:
        roi = detection.roi()
        if self._is_known(roi):
            return
        if detection.score < SURE_SCORE:
            roi = correct_turn(image, roi, self._short_range) or roi
        self._add_face(image, roi)

    def _is_known(self, roi: Roi) -> bool:
        return any(track.current is not None and track.roi.overlap(roi) > 0.4 for track in self._tracks)

    def _add_face(self, image: Image, roi: Roi) -> None:
        if self._is_known(roi):
            return
        first = self._landmarks(image, roi)
        if first.presence < self.settings.keep_threshold:
            return
        # The detector's square is rough; a second look through the landmarks' own square is exact.
        landmark_result = self._landmarks(image, first.roi())
        known_track = next((t for t in self._tracks if t.current is None and t.roi.overlap(roi) > 0.3), None)
        if known_track is not None:
            self._update(known_track, landmark_result, self.settings.keep_threshold, image)
            return
        track = _Track(self._next_number, roi)
        self._update(track, landmark_result, self.settings.accept_threshold, image)
        if track.current is not None and not _overlaps(track, self._tracks):
            self._next_number += 1
            self._tracks.append(track)

    def _update(self, track: _Track, landmark_result: LandmarkResult, threshold: float, image: Image) -> None:
        roi = landmark_result.roi()
        height, width = image.shape[:2]
        inside = -0.1 * width < roi.x < 1.1 * width and -0.1 * height < roi.y < 1.1 * height
        if landmark_result.presence >= threshold and inside and 12 < roi.side < 4 * max(height, width):
            track.current, track.roi, track.missing_frames = landmark_result, roi, 0
