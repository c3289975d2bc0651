"""A driver's motion, read from a clip: where the head is, how the face differs from rest, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.errors import MediaError, UsageError
from effigie.execution.pipeline import Prefetcher, shared_cores
from effigie.faces.analyzer import Face, measure_frames, smooth_frames
from effigie.faces.landmarker import BLENDSHAPES, LANDMARK_COUNT
from effigie.faces.mesh import Pose, eye_opening, fit_pose, mouth_opening
from effigie.faces.person_matcher import PersonFollower
from effigie.faces.quarter_turns import count_quarter_turns, turn_pose
from effigie.faces.tracker import Tracker
from effigie.io.atomic_write import sha256
from effigie.media import FootageSettings, Frame, VideoReader
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress

RECOVER_S = 0.2  # how long the held face takes to join the driver again
CALM_S = 0.1  # on either side of a frame that is to be neutral the driver is calm too


@dataclass(frozen=True)
class Rest:
    """What the frames of a motion are a change from: one frame's arrays, as in :class:`Motion`."""

    rotation: np.ndarray
    scale: float
    translation: np.ndarray
    unposed: np.ndarray
    blendshapes: np.ndarray


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
        neutral_frame: index of the calmest frame: what the others are a change from.
        rate: mean frames a second; None for a still.
        size: width and height of the driver's picture, px.
        time_base, clock_origin: of the clip's clock, seconds.
        clip: where the driver's sound is; None if nowhere.
        sha256: of that clip's bytes; empty where there cannot be sound.
        own_rest: what the frames are a change from, where no frame of the motion is that: a driver whose mouth
            follows sound. None takes the neutral frame.
    """

    times: tuple[Fraction, ...]
    durations: tuple[Fraction | None, ...]
    present: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray
    unposed: np.ndarray
    blendshapes: np.ndarray
    neutral_frame: int
    rate: Fraction | None
    size: tuple[int, int]
    time_base: Fraction
    clock_origin: Fraction = Fraction(0)
    clip: Path | None = None
    sha256: str = ""
    own_rest: Rest | None = None

    def __post_init__(self) -> None:
        count = len(self.times)
        shapes = {
            "durations": (count,),
            "present": (count,),
            "rotation": (count, 3, 3),
            "scale": (count,),
            "translation": (count, 3),
            "unposed": (count, LANDMARK_COUNT, 3),
            "blendshapes": (count, len(BLENDSHAPES)),
        }
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(f"{name} of {count} frames is {np.shape(getattr(self, name))}, not {shape}")
        if not 0 <= self.neutral_frame < count:
            raise ValueError(f"neutral frame {self.neutral_frame} of {count}")

    def __len__(self) -> int:
        return len(self.times)

    def pose(self, index: int) -> Pose:
        """Of one frame, in the driver's picture."""
        return Pose(self.rotation[index], float(self.scale[index]), self.translation[index])

    def landmarks(self, index: int) -> np.ndarray:
        """(478, 3) of one frame, px of the driver's picture."""
        return self.pose(index).apply(self.unposed[index].astype(np.float64))

    @property
    def rest(self) -> Rest:
        """What the frames are a change from."""
        if self.own_rest is not None:
            return self.own_rest
        index = self.neutral_frame
        return Rest(
            self.rotation[index],
            float(self.scale[index]),
            self.translation[index],
            self.unposed[index],
            self.blendshapes[index],
        )

    def seconds(self) -> np.ndarray:
        """(N,) float64: times from the first frame."""
        return np.array([float(time - self.times[0]) for time in self.times])

    def with_neutral_frame(self, index: int) -> Motion:
        """The same motion, measured from another frame.

        Raises:
            UsageError: there is no such frame, or the driver is not in it.
        """
        if not 0 <= index < len(self):
            raise UsageError(f"neutral frame {index} is none of the driver's {len(self)}, counted from 0")
        if not self.present[index]:
            raise UsageError(f"the driver's face is not in frame {index}: choose another neutral frame")
        return replace(self, neutral_frame=index)


def read_motion(
    clip: str | Path,
    person: int | None = None,
    *,
    neutral_frame: int | None = None,
    max_frames: int | None = None,
    footage: FootageSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Motion:
    """Read the motion of a driver from a clip; one that stands turned is read as if it stood upright.

    Args:
        clip: footage of the driver.
        person: if there are several people, the n-th largest (0 = the largest) of the first frame that shows so
            many; None is 0.
        neutral_frame: index of the frame that the motion is a change from; None finds the calmest.
        max_frames: read only so many frames.
        footage: what a sequence of pictures does not say itself.
        progress: gets frames done and to do.

    Raises:
        MediaError: the clip cannot be read, or shows no face (or never so many).
        UsageError: ``neutral_frame`` is no frame that shows the driver.
        AssetError: the networks cannot be fetched.
        CancelledError: asked to stop.
    """
    if person is not None and person < 0:
        raise UsageError(f"the driver's person must be 0 (the largest face) or more, not {person}")
    fetch_assets(REQUIRED_ASSETS, progress)
    cancel, clip = cancel or CancelToken(), Path(clip)
    with VideoReader(clip, stop=max_frames, footage=footage) as reader:
        info = reader.info
        rows = _measure(reader, PersonFollower(person or 0), clip, person, max_frames, progress, cancel)
    sounding = info.kind == "video"
    times = tuple(frame.time for frame, _ in rows)
    durations = tuple(frame.duration for frame, _ in rows)
    present = np.array([face is not None for _, face in rows])
    faces = [face for _, face in rows if face is not None]
    # The tracker's pose is of the landmarks before they were smoothed.
    picture_poses, size = [fit_pose(face.landmarks) for face in faces], (info.width, info.height)
    unposed = np.stack(
        [pose.to_canonical(face.landmarks) for pose, face in zip(picture_poses, faces, strict=True)], dtype=np.float32
    )
    turns = count_quarter_turns(picture_poses)
    poses = [turn_pose(pose, turns, *size) for pose in picture_poses]
    blendshapes = np.stack([face.blendshapes for face in faces]).astype(np.float32)
    calmest = _find_neutral_frame(poses, unposed, blendshapes, np.array([float(t) for t in times])[present])
    visible = np.flatnonzero(present)
    # What stands for every frame until the gaps are filled: the last one seen; before the first, the calmest.
    last = np.searchsorted(visible, np.arange(len(times)), side="right") - 1
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
        int(visible[calmest]),
        info.rate,
        size[::-1] if turns % 2 else size,
        info.time_base,
        info.clock_origin,
        clip if sounding else None,
        sha256(clip) if sounding else "",
    )
    motion = blend_reappearances(motion)
    return motion if neutral_frame is None else motion.with_neutral_frame(neutral_frame)


@dataclass(frozen=True)
class _FrameTime:
    """Time and duration of a frame."""

    time: Fraction
    duration: Fraction | None


def _measure(
    reader: VideoReader,
    matcher: PersonFollower,
    clip: Path,
    person: int | None,
    max_frames: int | None,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> list[tuple[_FrameTime, Face | None]]:
    """Every frame's time and the driver's face in it; raises if there is none at all."""
    info, rows, face_count = reader.info, list[tuple[_FrameTime, Face | None]](), 0
    total = info.frames if max_frames is None else min(max_frames, info.frames or max_frames)
    with (
        shared_cores(),
        Prefetcher(_read_frames(reader, cancel)) as frames,
        Prefetcher(measure_frames(frames, Tracker())) as measurements,
    ):
        for item in smooth_frames(measurements, rate=float(info.rate or 25)):
            face = matcher(item.frame.image, item.faces)
            face_count += face is not None
            rows.append((_FrameTime(item.frame.time, item.frame.duration), face))
            progress(Progress("driver", len(rows), total, "frames"))
    progress(Progress("driver", len(rows), len(rows), "frames"))
    if not matcher.max_faces:
        raise MediaError(f"{clip} shows no face: choose a driver whose face can be seen")
    if not face_count:
        raise MediaError(
            f"{clip} never shows {format_count((person or 0) + 1, 'face')} at once, at most {matcher.max_faces}: "
            "choose a smaller --driver-person"
        )
    return rows


def _read_frames(frames: VideoReader, cancel: CancelToken) -> Iterator[Frame]:
    for frame in frames:
        cancel.check()
        yield frame


def _find_neutral_frame(poses: list[Pose], unposed: np.ndarray, blendshapes: np.ndarray, times: np.ndarray) -> int:
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
    bounds = np.searchsorted(times, np.stack([times - CALM_S, times + CALM_S + 1e-9]))
    sums = np.concatenate([[0.0], np.cumsum(cost)])
    mean_cost = (sums[bounds[1]] - sums[bounds[0]]) / np.maximum(bounds[1] - bounds[0], 1)
    return int(np.argmin(cost + mean_cost))


def blend_reappearances(motion: Motion) -> Motion:
    """Where the face comes back after a gap, lead from the held pose and shape to the measured ones, softly."""
    times, present = motion.seconds(), motion.present
    rotation, scale, translation = (motion.rotation.copy(), motion.scale.copy(), motion.translation.copy())
    unposed, blendshapes = motion.unposed.copy(), motion.blendshapes.copy()
    for first in np.flatnonzero(present[1:] & ~present[:-1]) + 1:
        last = int(first) - 1
        for index in range(int(first), len(times)):
            share = float(times[index] - times[last]) / RECOVER_S
            if share >= 1 or not present[index]:
                break
            share = share * share * (3 - 2 * share)
            rotation[index] = interpolate_rotation(motion.rotation[last], motion.rotation[index], share)
            scale[index] = motion.scale[last] ** (1 - share) * motion.scale[index] ** share
            translation[index] = _lerp(motion.translation[last], motion.translation[index], share)
            unposed[index] = _lerp(motion.unposed[last], motion.unposed[index], share)
            blendshapes[index] = _lerp(motion.blendshapes[last], motion.blendshapes[index], share)
    return replace(
        motion, rotation=rotation, scale=scale, translation=translation, unposed=unposed, blendshapes=blendshapes
    )


def interpolate_rotation(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    """(3, 3) rotation a ``share`` of the way from one to another; shares beyond 1 go on turning."""
    turn = Rotation.from_matrix(first.T @ last).as_rotvec()
    return np.asarray(first @ Rotation.from_rotvec(share * turn).as_matrix())


def _lerp(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * first + share * last
