"""Following faces from frame to frame: the landmarks of one frame say where to look in the next.

Detection runs only when nobody is tracked, when a track is unsure, and now and then to meet newcomers. Somebody the
quick detector cannot see (far, small, turned away) is looked for by the slow one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from effigie.faces.crop import Roi
from effigie.faces.detector import Detection, Detector, LongRange, ShortRange
from effigie.faces.landmarker import BlendshapeModel, LandmarkModel, Measured


@dataclass(frozen=True)
class TrackSettings:
    """How eagerly faces are followed.

    Attributes:
        keep: presence (0..1) above which a tracked face is still there.
        accept: presence above which a newly detected face is believed.
        look_every: frames between detections while every track is sure.
        search_every: frames between searches with the slow detector while nobody is in view.
        forget_after: frames for which a lost face keeps its number, in case it comes back to the same place.
    """

    keep: float = 0.5
    accept: float = 0.7
    look_every: int = 12
    search_every: int = 4
    forget_after: int = 15


@dataclass
class TrackedFace:
    """One face in one frame."""

    track: int
    measured: Measured
    blendshapes: np.ndarray


@dataclass
class _Track:
    number: int
    roi: Roi
    missing: int = 0
    fresh: Measured | None = field(default=None, repr=False)


class Tracker:
    """Follows every face of a clip; call it with the frames in order.

    Args:
        threads: CPU threads of the networks.
    """

    def __init__(self, settings: TrackSettings | None = None, threads: int = 1) -> None:
        self.settings = settings or TrackSettings()
        self._near: Detector = ShortRange(threads=threads)
        self._far: Detector | None = None
        self._landmarks = LandmarkModel(threads)
        self._blendshapes = BlendshapeModel()
        self._tracks: list[_Track] = []
        self._next = 0
        self._since_look = 0
        self._since_search = self.settings.search_every  # the first frame may hold far faces only

    def reset(self) -> None:
        """Forget everybody; numbers go on: call it at a cut."""
        self._tracks = []
        self._since_search = self.settings.search_every

    def restart(self) -> None:
        """Be as new: call it before another clip."""
        self.reset()
        self._next = self._since_look = 0

    def __call__(self, image: np.ndarray) -> list[TrackedFace]:
        """Faces of the next frame, (H, W, 3) uint8 RGB."""
        self._follow(image)
        self._since_look += 1
        self._since_search += 1
        unsure = not self._tracks or any(track.fresh is None for track in self._tracks)
        if unsure or self._since_look >= self.settings.look_every:
            self._look(image)
        self._tracks = [track for track in self._tracks if track.missing <= self.settings.forget_after]
        return [
            TrackedFace(track.number, track.fresh, self._blendshapes(track.fresh.landmarks))
            for track in self._tracks
            if track.fresh is not None
        ]

    def _follow(self, image: np.ndarray) -> None:
        for track in self._tracks:
            track.fresh = None
            if track.missing == 0:
                self._update(track, self._landmarks(image, track.roi), self.settings.keep, image)
            if track.fresh is None:
                track.missing += 1
        self._merge_doubles()

    def _merge_doubles(self) -> None:
        """Two tracks that slid onto one face become the older one."""
        kept: list[_Track] = []
        for track in self._tracks:
            if track.fresh is None or all(k.fresh is None or k.roi.overlap(track.roi) < 0.6 for k in kept):
                kept.append(track)
        self._tracks = kept

    def _look(self, image: np.ndarray) -> None:
        self._since_look = 0
        for detection in self._near(image):
            self._meet(image, detection)
        just_lost = any(track.missing == 1 for track in self._tracks)
        somebody_missing = not self._tracks or any(track.fresh is None for track in self._tracks)
        if just_lost or (somebody_missing and self._since_search >= self.settings.search_every):
            self._since_search = 0
            self._far = self._far or LongRange()
            for detection in self._far(image):
                self._meet(image, detection)

    def _meet(self, image: np.ndarray, detection: Detection) -> None:
        roi = detection.roi()
        if any(track.fresh is not None and track.roi.overlap(roi) > 0.4 for track in self._tracks):
            return
        first = self._landmarks(image, roi)
        if first.presence < self.settings.keep:
            return
        # The detector's square is rough; a second look through the landmarks' own square is exact.
        measured = self._landmarks(image, first.roi())
        again = next((t for t in self._tracks if t.fresh is None and t.roi.overlap(roi) > 0.3), None)
        if again is not None:
            self._update(again, measured, self.settings.keep, image)
            return
        track = _Track(self._next, roi)
        self._update(track, measured, self.settings.accept, image)
        if track.fresh is not None and all(
            t.fresh is None or t.roi.overlap(track.roi) < 0.6 for t in self._tracks
        ):
            self._next += 1
            self._tracks.append(track)

    def _update(self, track: _Track, measured: Measured, threshold: float, image: np.ndarray) -> None:
        roi = measured.roi()
        height, width = image.shape[:2]
        inside = -0.1 * width < roi.x < 1.1 * width and -0.1 * height < roi.y < 1.1 * height
        if measured.presence >= threshold and inside and 12 < roi.side < 4 * max(height, width):
            track.fresh, track.roi, track.missing = measured, roi, 0
