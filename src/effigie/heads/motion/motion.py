"""A driver's motion, read from a clip: where the head is, how the face differs from rest, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.assets import REQUIRED, fetch_all
from effigie.errors import MediaError, UsageError
from effigie.execution.pipeline import Ahead, shared_cores
from effigie.faces.analyzer import Face, measured, smoothed
from effigie.faces.landmarker import BLENDSHAPES, COUNT
from effigie.faces.mesh import Pose, eye_opening, fit_pose, mouth_opening
from effigie.faces.tracker import Tracker
from effigie.heads.motion.person_matcher import Follower
from effigie.io.atomic import sha256
from effigie.media import Frame, Reader
from effigie.progress import Cancel, Progress, ProgressCallback, silent

RECOVER_S = 0.2  # how long the held face takes to join the driver again
CALM_S = 0.1  # on either side of a frame that is to be neutral the driver is calm too


@dataclass(frozen=True)
class Motion:
    """N frames of one person's performance; holds no picture of them.

    Where the face was out of sight the last pose and shape are held, and then lead back within 0.2 s; before its first
    appearance it rests.

    Attributes:
        times: when every frame is shown, exact seconds on the clip's clock, ascending.
        durations: of every frame in seconds; None where the clip does not say.
        present: (N,) bool; False where the face was not seen.
        rotation: (N, 3, 3) float64, canonical space to the picture, as in :class:`effigie.faces.mesh.Pose`.
        scale: (N,) float64, px a canonical cm.
        translation: (N, 3) float64 px.
        unposed: (N, 478, 3) float32 landmarks in the canonical space, cm.
        blendshapes: (N, 52) float32 in [0, 1].
        neutral: index of the calmest frame: what the others are a change from.
        rate: mean frames a second; None for a still.
        size: width and height of the driver's picture, px.
        time_base, clock_origin: of the clip's clock, seconds.
        clip: where the driver's sound is; None if nowhere.
        sha256: of that clip's bytes; empty where there cannot be sound.
    """

    times: tuple[Fraction, ...]
    durations: tuple[Fraction | None, ...]
    present: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray
    unposed: np.ndarray
    blendshapes: np.ndarray
    neutral: int
    rate: Fraction | None
    size: tuple[int, int]
    time_base: Fraction
    clock_origin: Fraction = Fraction(0)
    clip: Path | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        count = len(self.times)
        shapes = {
            "durations": (count,),
            "present": (count,),
            "rotation": (count, 3, 3),
            "scale": (count,),
            "translation": (count, 3),
            "unposed": (count, COUNT, 3),
            "blendshapes": (count, len(BLENDSHAPES)),
        }
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(f"{name} of {count} frames is {np.shape(getattr(self, name))}, not {shape}")
        if not 0 <= self.neutral < count:
            raise ValueError(f"neutral frame {self.neutral} of {count}")

    def __len__(self) -> int:
        return len(self.times)

    def pose(self, index: int) -> Pose:
        """Of one frame, in the driver's picture."""
        return Pose(self.rotation[index], float(self.scale[index]), self.translation[index])

    def landmarks(self, index: int) -> np.ndarray:
        """(478, 3) of one frame, px of the driver's picture."""
        return self.pose(index).apply(self.unposed[index].astype(np.float64))

    def seconds(self) -> np.ndarray:
        """(N,) float64: times from the first frame."""
        return np.array([float(time - self.times[0]) for time in self.times])

    def with_neutral(self, index: int) -> Motion:
        """The same motion, measured from another frame.

        Raises:
            UsageError: there is no such frame, or the driver is not in it.
        """
        if not 0 <= index < len(self):
            raise UsageError(f"neutral frame {index} is none of the driver's {len(self)}, counted from 0")
        if not self.present[index]:
            raise UsageError(f"the driver's face is not in frame {index}: choose another neutral frame")
        return replace(self, neutral=index)


def read_motion(
    clip: str | Path,
    who: int | None = None,
    *,
    neutral: int | None = None,
    stop_after: int | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> Motion:
    """Measure a driver.

    Args:
        clip: footage of the driver.
        who: if there are several people, the n-th largest (0 = the largest) of the first frame that shows so many; None
            is 0.
        neutral: index of the frame that the motion is a change from; None finds the calmest.
        stop_after: read only so many frames.
        progress: gets frames done and to do.

    Raises:
        MediaError: the clip cannot be read, or shows no face (or never so many).
        UsageError: ``neutral`` is no frame that shows the driver.
        AssetError: the networks cannot be fetched.
        Cancelled: asked to stop.
    """
    if who is not None and who < 0:
        raise UsageError(f"the driver's who must be 0 (the largest face) or more, not {who}")
    fetch_all(REQUIRED, progress)
    cancel, clip = cancel or Cancel(), Path(clip)
    with Reader(clip, stop=stop_after) as reader:
        info = reader.info
        rows = _measure(reader, Follower(who or 0), clip, who, stop_after, progress, cancel)
    sounding = info.kind == "video"
    times = tuple(frame.time for frame, _ in rows)
    durations = tuple(frame.duration for frame, _ in rows)
    present = np.array([face is not None for _, face in rows])
    faces = [face for _, face in rows if face is not None]
    # The tracker's pose is of the landmarks before they were smoothed.
    poses = [fit_pose(face.landmarks) for face in faces]
    unposed = np.stack(
        [pose.unpose(face.landmarks) for pose, face in zip(poses, faces, strict=True)], dtype=np.float32
    )
    blendshapes = np.stack([face.blendshapes for face in faces]).astype(np.float32)
    calmest = _calmest(poses, unposed, blendshapes, np.array([float(t) for t in times])[present])
    seen = np.flatnonzero(present)
    # What stands for every frame until the gaps are filled: the last one seen; before the first, the calmest.
    last = np.searchsorted(seen, np.arange(len(times)), side="right") - 1
    rest = np.where(last < 0, calmest, last)
    motion = Motion(
        times,
        durations,
        present,
        np.stack([pose.rotation for pose in poses])[rest],
        np.array([pose.scale for pose in poses])[rest],
        np.stack([pose.translation for pose in poses])[rest],
        unposed[rest],
        blendshapes[rest],
        int(seen[calmest]),
        info.rate,
        (info.width, info.height),
        info.time_base,
        info.clock_origin,
        clip if sounding else None,
        sha256(clip) if sounding else "",
    )
    motion = recovered(motion)
    return motion if neutral is None else motion.with_neutral(neutral)


@dataclass(frozen=True)
class _Moment:
    """When a frame is shown."""

    time: Fraction
    duration: Fraction | None


def _measure(
    reader: Reader,
    follower: Follower,
    clip: Path,
    who: int | None,
    stop_after: int | None,
    progress: ProgressCallback,
    cancel: Cancel,
) -> list[tuple[_Moment, Face | None]]:
    """Every frame's time and the driver's face in it; raises if there is none at all."""
    info, rows, found = reader.info, list[tuple[_Moment, Face | None]](), 0
    total = info.frames if stop_after is None else min(stop_after, info.frames or stop_after)
    with (
        shared_cores(),
        Ahead(_watched(reader, cancel)) as frames,
        Ahead(measured(frames, Tracker())) as seen,
    ):
        for item in smoothed(seen, rate=float(info.rate or 25)):
            face = follower(item.frame.image, item.faces)
            found += face is not None
            rows.append((_Moment(item.frame.time, item.frame.duration), face))
            progress(Progress("driver", len(rows), total, "frames"))
    progress(Progress("driver", len(rows), len(rows), "frames"))
    if not follower.most:
        raise MediaError(f"{clip} shows no face: choose a driver whose face can be seen")
    if not found:
        raise MediaError(
            f"{clip} never shows {(who or 0) + 1} faces at once, at most {follower.most}: "
            "choose a smaller --driver-who"
        )
    return rows


def _watched(frames: Reader, cancel: Cancel) -> Iterator[Frame]:
    for frame in frames:
        cancel.check()
        yield frame


def _calmest(poses: list[Pose], unposed: np.ndarray, blendshapes: np.ndarray, times: np.ndarray) -> int:
    """Index of the frame nearest to a face at rest: no expression, eyes open, lips closed, facing the camera.

    Args:
        poses: M.
        unposed: (M, 478, 3).
        blendshapes: (M, 52).
        times: (M,) seconds.
    """
    angles = np.stack([pose.angles for pose in poses]) / 25.0
    opening = np.array([eye_opening(shape) for shape in unposed])
    # The eyes at their usual openness: staring is no more calm than blinking.
    eyes = opening / max(float(np.percentile(opening, 75)), 1e-6) - 1
    lips = np.array([mouth_opening(shape) for shape in unposed]) / 0.15
    cost = (blendshapes[:, 1:] ** 2).sum(1) + (angles**2).sum(1) + 4 * eyes**2 + lips**2
    near = np.searchsorted(times, np.stack([times - CALM_S, times + CALM_S + 1e-9]))
    sums = np.concatenate([[0.0], np.cumsum(cost)])
    around = (sums[near[1]] - sums[near[0]]) / np.maximum(near[1] - near[0], 1)
    return int(np.argmin(cost + around))


def recovered(motion: Motion) -> Motion:
    """Where the face comes back after a gap, lead from the held pose and shape to the measured ones, softly."""
    times, present = motion.seconds(), motion.present
    rotation, scale, translation = (
        motion.rotation.copy(),
        motion.scale.copy(),
        motion.translation.copy(),
    )
    unposed, blendshapes = motion.unposed.copy(), motion.blendshapes.copy()
    for first in np.flatnonzero(present[1:] & ~present[:-1]) + 1:
        held = int(first) - 1
        for index in range(int(first), len(times)):
            share = float(times[index] - times[held]) / RECOVER_S
            if share >= 1 or not present[index]:
                break
            share = share * share * (3 - 2 * share)
            rotation[index] = between(motion.rotation[held], motion.rotation[index], share)
            scale[index] = motion.scale[held] ** (1 - share) * motion.scale[index] ** share
            translation[index] = _mix(motion.translation[held], motion.translation[index], share)
            unposed[index] = _mix(motion.unposed[held], motion.unposed[index], share)
            blendshapes[index] = _mix(motion.blendshapes[held], motion.blendshapes[index], share)
    return replace(
        motion,
        rotation=rotation,
        scale=scale,
        translation=translation,
        unposed=unposed,
        blendshapes=blendshapes,
    )


def between(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    """(3, 3) rotation a ``share`` of the way from one to another; shares beyond 1 go on turning."""
    turn = Rotation.from_matrix(first.T @ last).as_rotvec()
    return np.asarray(first @ Rotation.from_rotvec(share * turn).as_matrix())


def _mix(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * first + share * last
