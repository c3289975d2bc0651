"""Measures the faces of a clip: tracked, smoothed in time, in order, with a short fixed delay.

Extraction and conversion both read clips through :func:`analyze`, so a face is cut the same way in both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.align import compute_placement, crop_matrix, smooth_placement
from effigie.faces.duplicate_frames import DuplicateFrameDetector
from effigie.faces.mesh import Pose, eye_distance, fit_pose
from effigie.faces.shot_detector import ShotDetector
from effigie.faces.smoothing import smooth_center
from effigie.faces.tracker import TrackedFace, Tracker


class HasImage(Protocol):
    """Anything with a picture, such as :class:`effigie.media.Frame`."""

    @property
    def image(self) -> np.ndarray: ...


FrameType = TypeVar("FrameType", bound=HasImage)


@dataclass(frozen=True)
class SmoothingSettings:
    """Settings of temporal smoothing: standard deviations in seconds, trembles as shares of the eye distance."""

    landmark_sigma: float = 0.04
    landmark_noise: float = 0.012
    crop_sigma: float = 0.1  # of the crop's place
    crop_noise: float = 0.05
    max_radius: int = 8  # frames looked at on either side: a frame waits in memory until those after it are measured

    def window_radius(self, rate: float) -> int:
        """Frames on either side at ``rate`` frames a second."""
        return int(np.clip(round(2 * self.crop_sigma * rate), 1, self.max_radius))


@dataclass(frozen=True)
class Face:
    """One measured face in one frame."""

    track: int  # number of the person's track within the clip
    landmarks: Landmarks  # (478, 3) float32 frame pixels, smoothed
    blendshapes: np.ndarray  # (52,) in [0, 1]
    presence: float  # the landmark network's confidence, 0..1
    pose: Pose  # of the landmarks before smoothing, fitted to the canonical mesh
    placement: np.ndarray  # (4,) where the crop lies, see compute_placement; smoothed

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) frame pixels to the ``size`` x ``size`` crop."""
        return crop_matrix(self.placement, size)

    @property
    def box(self) -> np.ndarray:
        """(4,) float32 x0 y0 x1 y1 px."""
        return np.concatenate([self.landmarks[:, :2].min(0), self.landmarks[:, :2].max(0)]).astype(np.float32)


@dataclass(frozen=True)
class AnalyzedFrame(Generic[FrameType]):
    """A frame and its smoothed faces, largest first. Frames that repeat a picture share one list of faces."""

    frame: FrameType
    faces: list[Face]


@dataclass
class _Pending(Generic[FrameType]):
    """A measured picture, and the frames that show it until they are emitted."""

    number: int
    frames: list[FrameType]
    faces: dict[int, Face]


@dataclass(frozen=True)
class MeasuredFrame(Generic[FrameType]):
    """A frame and the faces measured in it, not smoothed yet; None if it duplicates the frame before."""

    frame: FrameType
    faces: list[TrackedFace] | None


def analyze(
    frames: Iterable[FrameType],
    tracker: Tracker | None = None,
    settings: SmoothingSettings | None = None,
    rate: float = 25.0,
) -> Iterator[AnalyzedFrame[FrameType]]:
    """Measure every frame of a clip.

    Yields in the order of ``frames``, delayed by ``settings.window_radius``; memory does not grow with the clip.
    Frames that only repeat the one before get its measurements. Where a shot is cut all tracks end, so that nothing is
    smoothed across.

    Args:
        tracker: brings its networks; a fresh one by default.
        rate: frames a second, at least roughly: smoothing acts in time, not in frames.
    """
    return smooth_frames(measure_frames(frames, tracker), settings, rate)


def measure_frames(frames: Iterable[FrameType], tracker: Tracker | None = None) -> Iterator[MeasuredFrame[FrameType]]:
    """The first half of :func:`analyze`: runs the networks, nearly all of its work; tracks end at a cut."""
    tracker, duplicates, shots = tracker or Tracker(), DuplicateFrameDetector(), ShotDetector()
    for frame in frames:
        if shots(frame.image):
            tracker.reset()
            duplicates.reset()
        if duplicates(frame.image):
            yield MeasuredFrame(frame, None)
        else:
            faces = tracker(frame.image)
            duplicates.set_reference(frame.image, [face.landmark_result.landmarks for face in faces])
            yield MeasuredFrame(frame, faces)


def smooth_frames(
    measured_frames: Iterable[MeasuredFrame[FrameType]], settings: SmoothingSettings | None = None, rate: float = 25.0
) -> Iterator[AnalyzedFrame[FrameType]]:
    """The second half of :func:`analyze`; it may run in another thread than the first."""
    settings = settings or SmoothingSettings()
    window_radius = settings.window_radius(rate)
    window: deque[_Pending[FrameType]] = deque(maxlen=2 * window_radius + 1)
    waiting = 0  # pictures at the end of the window whose frames have not left yet
    for number, item in enumerate(measured_frames):
        if item.faces is None:
            window[-1].frames.append(item.frame)
        else:
            window.append(_Pending(number, [item.frame], {face.track: _to_face(face) for face in item.faces}))
            waiting += 1
        # Repeated frames wait with their picture, so that fewer pictures are waited for.
        while waiting > 1 and (waiting > window_radius or number - window[-waiting].number >= 2 * window_radius):
            yield from _emit(window, len(window) - waiting, settings, rate)
            waiting -= 1
    while waiting:
        yield from _emit(window, len(window) - waiting, settings, rate)
        waiting -= 1


def _to_face(face: TrackedFace) -> Face:
    result = face.landmark_result
    pose = fit_pose(result.landmarks)
    return Face(face.track, result.landmarks, face.blendshapes, result.presence, pose, compute_placement(pose))


def _emit(
    window: deque[_Pending[FrameType]], index: int, settings: SmoothingSettings, rate: float
) -> Iterator[AnalyzedFrame[FrameType]]:
    pending = window[index]
    # Smoothing acts in time, but sees each picture once.
    span = window[-1].number - window[0].number
    rate *= (len(window) - 1) / span if span else 1.0
    faces = [_smooth_face(window, index, track, settings, rate) for track in pending.faces]
    faces.sort(key=lambda face: -float(face.placement[2]))
    frames, pending.frames = pending.frames, []  # only the measurements stay, for the pictures to come
    for frame in frames:
        yield AnalyzedFrame(frame, faces)


def _smooth_face(
    window: deque[_Pending[FrameType]], index: int, track: int, settings: SmoothingSettings, rate: float
) -> Face:
    most = min(settings.window_radius(rate), index, len(window) - 1 - index)
    half = 0
    while half < most and all(track in window[index + side * (half + 1)].faces for side in (-1, 1)):
        half += 1
    face = window[index].faces[track]
    if half == 0:
        return face
    window_faces = [window[i].faces[track] for i in range(index - half, index + half + 1)]
    eye_span = eye_distance(face.landmarks)
    landmarks = smooth_center(
        np.stack([other.landmarks for other in window_faces]),
        settings.landmark_sigma * rate,
        settings.landmark_noise * eye_span,
    ).astype(np.float32)
    placement = smooth_placement(
        np.stack([other.placement for other in window_faces]),
        settings.crop_sigma * rate,
        settings.crop_noise * eye_span,
    )
    return replace(face, landmarks=landmarks, placement=placement)
