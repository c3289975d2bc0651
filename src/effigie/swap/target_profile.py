"""The target's face profile, measured in the very clip that is converted, by a few frames spread over it.

Landmarks of the same calm face differ from clip to clip, by camera, light and pose, as much as lips move in speech:
measured from another clip's calm face, shut lips come out parted.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from effigie.arrays import Embedding, Image
from effigie.errors import MediaError
from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.crop import crop
from effigie.faces.landmarker import LandmarkResult
from effigie.faces.mesh import OPEN_LIDS, eye_opening
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel
from effigie.faces.tracker import TrackedFace, Tracker
from effigie.io.measurements import measure_once
from effigie.media import FootageSettings, Frame
from effigie.media.inputs import digest_files
from effigie.media.sampling import FrameSampling, sample_frames
from effigie.occlusion.network import INPUT_SIZE
from effigie.prior.frame_bank import FaceGeometry, FaceProfile, estimate_profile, measure_expression
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress
from effigie.swap.mouth_visibility import COVERED, penalize_covered_mouths

CLEARLY_TURNED = 25.0  # degrees that count as much as an expression of energy 1
SAMPLING = FrameSampling(positions=12, frames_per_position=2)  # of the clip; a second of work or two
MIN_FRAMES = 12  # of these: in a second of footage nobody need be calm once
SHAPE, BLENDSHAPES = (478, 3), (52,)


@dataclass(frozen=True)
class FaceSample:
    """One person's face in a sampled frame; the geometry is in frame pixels."""

    frame: Frame
    geometry: FaceGeometry
    blendshapes: np.ndarray
    embedding: Embedding


class ClipSample:
    """Frames spread over a clip that show faces, with all these faces, largest first.

    Attributes:
        most_faces: seen at once.

    Raises:
        MediaError: the clip cannot be read.
    """

    def __init__(
        self,
        clip: Path,
        footage: FootageSettings | None = None,
        progress: ProgressCallback = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> None:
        self._frames = list(_find_faces(clip, footage, progress, cancel))
        self.most_faces = max((len(faces) for _, faces, _ in self._frames), default=0)

    def find_embedding(self, person: int) -> Embedding | None:
        """(128,) of the n-th largest face (0 = the largest) where the most are seen; None where these are fewer."""
        for _, faces, embeddings in self._frames:
            if person < len(faces) == self.most_faces:
                return embeddings[person]
        return None

    def select(self, embedding: Embedding) -> list[FaceSample]:
        """Everywhere the face that is likest to a (128,) unit embedding, if it is the same person's."""
        samples = []
        for frame, faces, embeddings in self._frames:
            cosines = [float(each @ embedding) for each in embeddings]
            best = int(np.argmax(cosines))
            if cosines[best] >= SAME_PERSON_SIMILARITY:
                geometry = FaceGeometry.from_landmarks(faces[best].landmark_result.landmarks)
                samples.append(FaceSample(frame, geometry, faces[best].blendshapes, embeddings[best]))
        return samples


def measure_profile(
    clip: str | Path, person: int = 0, progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> tuple[FaceProfile, Frame]:
    """The face profile of somebody in a clip, and the best portrait of them among the frames that were looked at.

    Args:
        person: which face, by size in the frame that shows the most faces (0 = the largest).

    Raises:
        MediaError: the clip cannot be read, shows no face, or not so many at once.
        CancelledError: asked to stop.
    """
    clip = Path(clip)
    sample = ClipSample(clip, None, progress, cancel)
    embedding = sample.find_embedding(person)
    if embedding is None:
        found = (
            f"at most {format_count(sample.most_faces, 'face')} at once: choose a smaller number with --person"
            if sample.most_faces
            else "no face: choose footage in which somebody can be seen, large and sharp"
        )
        raise MediaError(f"{clip} shows {found}")
    faces = sample.select(embedding)
    penalty = _penalize_mouths(faces)
    profile = _estimate(faces, penalty)
    # Whoever converts the clip with this very person as the target need not look again.
    _measure_once(clip, profile.embedding, None, None, lambda: profile if len(faces) >= MIN_FRAMES else None)
    turned = np.array([float(np.hypot(*face.geometry.pose.angles[:2])) for face in faces]) / CLEARLY_TURNED
    shut = np.array([eye_opening(face.geometry.landmarks) < OPEN_LIDS for face in faces])
    energy = measure_expression([face.geometry for face in faces], np.stack([face.blendshapes for face in faces]))
    return profile, faces[int(np.argmin(turned + energy + penalty + COVERED * shut))].frame


def measure_target(
    clip: Path, target: FaceProfile, person: int | None = None, footage: FootageSettings | None = None
) -> FaceProfile:
    """The face profile of a model's target as a clip shows them: as it was, where few sampled frames do.

    A second or two of work; kept for the next time.

    Args:
        target: as the model was trained; the embedding stays.
        person: who is meant instead, by size in the frame that shows the most faces.
    """

    def measure() -> FaceProfile | None:
        try:
            sample = ClipSample(clip, footage)
        except MediaError:
            return None  # the conversion itself tells what is wrong with the clip, and where
        embedding = target.embedding if person is None else sample.find_embedding(person)
        faces = [] if embedding is None else sample.select(embedding)
        return _estimate(faces, _penalize_mouths(faces)) if len(faces) >= MIN_FRAMES else None

    measured = _measure_once(clip, target.embedding, person, footage, measure)
    return target if measured is None else replace(measured, embedding=target.embedding)


def _measure_once(
    clip: Path,
    embedding: Embedding,
    person: int | None,
    footage: FootageSettings | None,
    measure: Callable[[], FaceProfile | None],
) -> FaceProfile | None:
    """What was measured, rounded as a model's folder rounds it."""
    who = hashlib.sha256(embedding.tobytes()).hexdigest()
    files = sorted(clip.iterdir()) if clip.is_dir() else [clip]
    key = f"{digest_files(files)} {who} {person} {footage or FootageSettings()}"
    kept = measure_once("profiles", key, lambda: _to_json(measure()), _is_profile)
    return None if kept is None else _from_json(kept)


def _to_json(profile: FaceProfile | None) -> dict[str, Any] | None:
    if profile is None:
        return None
    arrays = {"shape": profile.shape, "embedding": profile.embedding, "calm": profile.neutral_blendshapes}
    packed = {name: base64.b64encode(np.float32(array).tobytes()).decode() for name, array in arrays.items()}
    return packed | {"open_eye": float(np.float32(profile.max_eye_opening))}


def _from_json(values: dict[str, Any]) -> FaceProfile:
    """ValueError where a length is wrong."""
    shape, embedding, calm = (
        np.frombuffer(base64.b64decode(values[name], validate=True), np.float32)
        for name in ("shape", "embedding", "calm")
    )
    return FaceProfile(
        shape.reshape(SHAPE).astype(np.float64), float(values["open_eye"]), embedding, calm.reshape(BLENDSHAPES)
    )


def _is_profile(value: Any) -> bool:
    return value is None or np.isfinite(_from_json(value).shape).all()


def _estimate(faces: Sequence[FaceSample], penalty: np.ndarray) -> FaceProfile:
    return estimate_profile(
        [face.geometry for face in faces],
        np.stack([face.blendshapes for face in faces]),
        np.stack([face.embedding for face in faces]),
        penalty,
    )


def _penalize_mouths(faces: Sequence[FaceSample]) -> np.ndarray:
    """(N,) of :func:`penalize_covered_mouths`, with upright crops of the frames as its pictures."""
    matrices = [crop_matrix(compute_placement(face.geometry.pose), INPUT_SIZE) for face in faces]
    geometries = [
        FaceGeometry.from_frame_landmarks(face.geometry.landmarks, matrix)
        for face, matrix in zip(faces, matrices, strict=True)
    ]

    def read(index: int) -> Image:
        return crop(faces[index].frame.image, matrices[index], INPUT_SIZE)

    return penalize_covered_mouths(read, geometries, np.stack([face.blendshapes for face in faces]))


def _find_faces(
    clip: Path, footage: FootageSettings | None, progress: ProgressCallback, cancel: CancelToken | None
) -> Iterator[tuple[Frame, list[TrackedFace], list[Embedding]]]:
    """Sampled frames that show faces, with these, largest first, and their embeddings."""
    identity, total = IdentityModel(), SAMPLING.positions * SAMPLING.frames_per_position
    tracker = Tracker()
    for number, frame in enumerate(sample_frames(clip, SAMPLING, cancel, footage)):
        progress(Progress("look at the clip", min(number, total), total, "frames", str(clip)))
        tracker.reset()  # sampled frames lie apart
        faces = sorted(tracker(frame.image), key=lambda face: -_measure_size(face.landmark_result))
        if faces:
            yield frame, faces, [identity.embed(frame.image, face.landmark_result.landmarks) for face in faces]
    progress(Progress("look at the clip", total, total, "frames"))


def _measure_size(found: LandmarkResult) -> float:
    return float(np.ptp(found.landmarks[:, :2], axis=0).prod())
