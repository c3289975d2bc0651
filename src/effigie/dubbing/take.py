"""A take: what one person does in a clip, measured once before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from effigie.arrays import Embedding
from effigie.errors import MediaError
from effigie.faces.analyzer import AnalyzedFrame, Face
from effigie.faces.mesh import Pose, fit_pose
from effigie.faces.person_matcher import PersonFollower
from effigie.faces.recognizer import IdentityModel
from effigie.media import ClipInfo, Frame
from effigie.media.defaults import FRAME_RATE
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

IDENTITY_S = 2.0  # of a track between looks at who it is, for the gate


@dataclass(frozen=True)
class Take:
    """One person in the N pictures of a clip, fields counted apart; 8 KB a picture.

    Attributes:
        times: when every picture is shown, exact seconds on the clip's clock.
        end: when the last one ends.
        faces: the person's, None where they are not seen.
        embeddings: (M, 128) unit identities, measured in some of the pictures.
        most_faces: faces seen at once.
        info: of the clip.
    """

    times: tuple[Fraction, ...]
    end: Fraction
    faces: tuple[Face | None, ...]
    embeddings: Embedding
    most_faces: int
    info: ClipInfo

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> np.ndarray:
        """(N,) float64: times from the output's first moment."""
        return np.array([float(time - self.info.clock_origin) for time in self.times])

    @property
    def length(self) -> Fraction:
        """Of the output, seconds."""
        return self.end - self.info.clock_origin

    def stretches(self) -> Iterator[slice]:
        """Pictures in a row that show the same track: nothing is carried on from one to the next."""
        begin = 0
        tracks = [None if face is None else face.track for face in self.faces]
        for index in range(1, len(tracks) + 1):
            if index == len(tracks) or tracks[index] != tracks[begin]:
                if tracks[begin] is not None:
                    yield slice(begin, index)
                begin = index


@dataclass
class _Rows:
    times: list[Fraction] = field(default_factory=list)
    faces: list[Face | None] = field(default_factory=list)
    embeddings: list[np.ndarray] = field(default_factory=list)


def read_take(
    frames: Iterator[AnalyzedFrame[Frame]],
    info: ClipInfo,
    person: int | None = None,
    max_frames: int | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Take:
    """Follow a person through a clip.

    Args:
        frames: its pictures with their faces, in order.
        person: the n-th largest face of the first picture that shows so many; None is 0, the largest.
        max_frames: that will be looked at, for progress alone.

    Raises:
        MediaError: no face, or never so many.
        CancelledError: asked to stop.
    """
    cancel, follower, identity, rows = cancel or CancelToken(), PersonFollower(person or 0), IdentityModel(), _Rows()
    identity_times: dict[int, Fraction] = {}
    total, count, end = info.frames if max_frames is None else max_frames, 0, info.clock_origin
    step = 1 / (info.rate or Fraction(FRAME_RATE))
    for item in frames:
        cancel.check()
        frame = item.frame
        face = follower(frame.image, item.faces)
        rows.times.append(frame.time)
        rows.faces.append(face)
        end = frame.time + (frame.duration or step)
        if face is not None and (
            face.track not in identity_times or frame.time - identity_times[face.track] >= IDENTITY_S
        ):
            identity_times[face.track] = frame.time
            rows.embeddings.append(identity.embed(frame.image, face.landmarks))
        count += not frame.is_second_field
        progress(Progress("look", count, total, "frames"))
    progress(Progress("look", count, count, "frames"))
    if not follower.max_faces:
        raise MediaError(f"{info.path} shows no face: choose a clip in which the mouth of whoever speaks can be seen")
    if not rows.embeddings:
        raise MediaError(
            f"{info.path} never shows {(person or 0) + 1} faces at once, at most {follower.max_faces}: "
            "choose a smaller number with --person, 0 being the largest"
        )
    return Take(tuple(rows.times), end, tuple(rows.faces), np.stack(rows.embeddings), follower.max_faces, info)


def unpose(faces: Sequence[Face]) -> tuple[list[Pose], np.ndarray]:
    """The poses of M faces' smoothed landmarks, and these in canonical space: (M, 478, 3) float32 cm."""
    poses = [fit_pose(face.landmarks) for face in faces]
    shapes = [pose.to_canonical(face.landmarks) for pose, face in zip(poses, faces, strict=True)]
    return poses, np.stack(shapes, dtype=np.float32)
