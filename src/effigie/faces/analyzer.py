"""Frames in, frames with measured faces out: tracked, smoothed in time, in order, with a short fixed delay.

Extraction and conversion both read clips through :func:`analyze`, so a face is cut the same way in both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from effigie.faces.align import crop_matrix, placement, smooth_placement
from effigie.faces.duplicate_frames import Repeats
from effigie.faces.mesh import Pose, eye_distance, fit_pose
from effigie.faces.shot_detector import Cuts
from effigie.faces.smoothing import smooth_center
from effigie.faces.tracker import TrackedFace, Tracker


class HasImage(Protocol):
    """Anything that carries a picture: a frame of the media room, for one."""

    @property
    def image(self) -> np.ndarray: ...


FrameType = TypeVar("FrameType", bound=HasImage)


@dataclass(frozen=True)
class SmoothSettings:
    """How measurements are smoothed in time.

    Attributes:
        landmark_sigma: temporal standard deviation for landmarks, in seconds.
        landmark_noise: tremble of a landmark, as a share of the distance between the eyes.
        crop_sigma: temporal standard deviation for the crop's place, in seconds.
        crop_noise: tremble of the crop's place, as a share of the distance between the eyes.
        most: frames looked at on either side at most: a frame waits in memory until those after it are measured.
    """

    landmark_sigma: float = 0.04
    landmark_noise: float = 0.012
    crop_sigma: float = 0.1
    crop_noise: float = 0.05
    most: int = 8

    def reach(self, rate: float) -> int:
        """Frames looked at on either side at ``rate`` frames a second."""
        return int(np.clip(round(2 * self.crop_sigma * rate), 1, self.most))


@dataclass(frozen=True)
class Face:
    """One measured face in one frame.

    Attributes:
        track: number of the person's track within the clip.
        landmarks: (478, 3) float32 frame pixels, smoothed.
        blendshapes: (52,) in [0, 1].
        presence: the landmark network's confidence, 0..1.
        pose: of the landmarks before smoothing, fitted to the canonical mesh.
        place: (4,) where the crop lies, see :func:`effigie.faces.align.placement`; smoothed.
    """

    track: int
    landmarks: np.ndarray
    blendshapes: np.ndarray
    presence: float
    pose: Pose
    place: np.ndarray

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) frame pixels to the ``size`` x ``size`` crop."""
        return crop_matrix(self.place, size)

    @property
    def box(self) -> np.ndarray:
        """(4,) float32 x0 y0 x1 y1 px."""
        return np.concatenate([self.landmarks[:, :2].min(0), self.landmarks[:, :2].max(0)]).astype(np.float32)


@dataclass(frozen=True)
class Analyzed(Generic[FrameType]):
    """A frame and its faces, largest first."""

    frame: FrameType
    faces: list[Face]


@dataclass
class _Pending(Generic[FrameType]):
    """One measured picture: the frames that show it, which leave before their measurements do."""

    number: int
    frames: list[FrameType]
    faces: dict[int, Face]


@dataclass(frozen=True)
class Found(Generic[FrameType]):
    """A frame and the faces measured in it, not smoothed yet; None where it only repeats the one before."""

    frame: FrameType
    faces: list[TrackedFace] | None


def analyze(
    frames: Iterable[FrameType],
    tracker: Tracker | None = None,
    settings: SmoothSettings | None = None,
    rate: float = 25.0,
) -> Iterator[Analyzed[FrameType]]:
    """Measure every frame of a clip.

    Yields in the order of ``frames``, a few frames late (``settings.reach``); memory does not grow with the clip.
    Frames that only repeat the one before get its measurements. Where a shot is cut all tracks end, so that nothing is
    smoothed across.

    Args:
        frames: RGB uint8 pictures in temporal order.
        tracker: brings its networks; a fresh one by default.
        rate: frames a second, at least roughly: smoothing acts in time, not in frames.
    """
    return smoothed(measured(frames, tracker), settings, rate)


def measured(frames: Iterable[FrameType], tracker: Tracker | None = None) -> Iterator[Found[FrameType]]:
    """The first half of :func:`analyze`, nearly all of its work: the networks; at a cut everybody is forgotten."""
    tracker, repeats, cuts = tracker or Tracker(), Repeats(), Cuts()
    for frame in frames:
        if cuts(frame.image):
            tracker.reset()
            repeats.reset()
        if repeats(frame.image):
            yield Found(frame, None)
        else:
            faces = tracker(frame.image)
            repeats.measured(frame.image, [face.measured.landmarks for face in faces])
            yield Found(frame, faces)


def smoothed(
    found: Iterable[Found[FrameType]], settings: SmoothSettings | None = None, rate: float = 25.0
) -> Iterator[Analyzed[FrameType]]:
    """The second half of :func:`analyze`; it may run in another thread than the first."""
    settings = settings or SmoothSettings()
    reach = settings.reach(rate)
    window: deque[_Pending[FrameType]] = deque(maxlen=2 * reach + 1)
    waiting = 0  # pictures at the end of the window whose frames have not left yet
    for number, item in enumerate(found):
        if item.faces is None:
            window[-1].frames.append(item.frame)
        else:
            window.append(_Pending(number, [item.frame], {face.track: _measure(face) for face in item.faces}))
            waiting += 1
        # Repeated frames wait with their picture, so that fewer pictures are waited for.
        while waiting > 1 and (waiting > reach or number - window[-waiting].number >= 2 * reach):
            yield from _emit(window, len(window) - waiting, settings, rate)
            waiting -= 1
    while waiting:
        yield from _emit(window, len(window) - waiting, settings, rate)
        waiting -= 1


def _measure(found: TrackedFace) -> Face:
    pose = fit_pose(found.measured.landmarks)
    landmarks = found.measured.landmarks
    return Face(found.track, landmarks, found.blendshapes, found.measured.presence, pose, placement(pose))


def _emit(
    window: deque[_Pending[FrameType]], index: int, settings: SmoothSettings, rate: float
) -> Iterator[Analyzed[FrameType]]:
    pending = window[index]
    # Smoothing acts in time, but sees each picture once.
    span = window[-1].number - window[0].number
    rate *= (len(window) - 1) / span if span else 1.0
    faces = [_smooth(window, index, track, settings, rate) for track in pending.faces]
    faces.sort(key=lambda face: -float(face.place[2]))
    frames, pending.frames = pending.frames, []  # only the measurements stay, for the pictures to come
    for frame in frames:
        yield Analyzed(frame, faces)


def _smooth(
    window: deque[_Pending[FrameType]], index: int, track: int, settings: SmoothSettings, rate: float
) -> Face:
    half, reach = 0, settings.reach(rate)
    while (
        half < reach
        and index - half - 1 >= 0
        and index + half + 1 < len(window)
        and track in window[index - half - 1].faces
        and track in window[index + half + 1].faces
    ):
        half += 1
    face = window[index].faces[track]
    if half == 0:
        return face
    near = [window[i].faces[track] for i in range(index - half, index + half + 1)]
    unit = eye_distance(face.landmarks)
    landmarks = smooth_center(
        np.stack([other.landmarks for other in near]),
        settings.landmark_sigma * rate,
        settings.landmark_noise * unit,
    ).astype(np.float32)
    place = smooth_placement(
        np.stack([other.place for other in near]), settings.crop_sigma * rate, settings.crop_noise * unit
    )
    return replace(face, landmarks=landmarks, place=place)
