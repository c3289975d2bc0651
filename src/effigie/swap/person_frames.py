"""A person's frames from a face set: their profile, and the split into training and held-out rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.errors import FaceSetError
from effigie.faceset import Faces, FaceSet, PersonCluster
from effigie.prior.frame_bank import FaceGeometry, FaceProfile, estimate_profile
from effigie.progress import format_count
from effigie.swap.mouth_visibility import penalize_covered_mouths

MIN_FACES = 16
STRAY_SHARE = 0.05  # of all faces
BLOCK_COUNT = 10  # the footage is cut into this many stretches, of which some are held out
GUARD_FRAMES = 12  # frames beside a held-out stretch that are not trained on either: neighbours look alike


@dataclass(frozen=True)
class PersonFrames:
    """One person's frames in memory (crops as JPEG).

    Attributes:
        faces: the rows.
        geometries: of every row, in crop pixels.
        person: their face profile.
        training, held_out: indices of rows, disjoint, apart in time.
    """

    faces: Faces
    geometries: list[FaceGeometry]
    person: FaceProfile
    training: np.ndarray
    held_out: np.ndarray

    def crop(self, index: int) -> np.ndarray:
        """(S, S, 3) uint8 RGB."""
        return self.faces.crop(index)


def load_person_frames(
    path: str, role: str, person: int | None, held_out: float, min_faces: int = MIN_FACES
) -> PersonFrames:
    """Load the frames of one person.

    Args:
        path: the face set.
        role: ``source`` or ``target``, for messages.
        person: number of the person (0 = most faces); None if there is only one.
        held_out: share of the footage kept out of training; 0 keeps none out.
        min_faces: fewer are refused.
    """
    faceset = FaceSet.open(path)
    people = faceset.people()
    if person is None:
        if len(find_main_people(faceset)) > 1:
            listed = ", ".join(f"{person.cluster}: {format_count(person.faces, 'face')}" for person in people[:6])
            raise FaceSetError(
                f"{path} holds {len(people)} people ({listed}): choose with --{role}-person NUMBER, or remove the "
                f"others with `effigie faces drop {path} --cluster NUMBER` (`effigie faces sheet {path}` shows them)"
            )
        person = 0
    if person >= len(people):
        raise FaceSetError(f"{path} has no person number {person}: it holds {len(people)}, counted from 0")
    columns = ("frame", "landmarks", "blendshapes", "matrix", "embedding", "sharpness", "confidence")
    faces = faceset.load(columns, where=f"cluster == {person}")
    if len(faces) < min_faces:
        raise FaceSetError(
            f"{path} holds only {format_count(len(faces), 'face')} of the {role}; {min_faces} or more are needed: "
            "extract a clip or more photos into it, or swap without training with `effigie swap`"
        )
    geometries = [
        FaceGeometry.from_frame_landmarks(landmarks, matrix)
        for landmarks, matrix in zip(faces["landmarks"], faces["matrix"], strict=True)
    ]
    training, test_rows = split_held_out(faces["clip"], faces["frame"], held_out)
    training_geometries, blendshapes = [geometries[i] for i in training], faces["blendshapes"][training]
    penalty = penalize_covered_mouths(lambda i: faces.crop(int(training[i])), training_geometries, blendshapes)
    described = estimate_profile(training_geometries, blendshapes, faces["embedding"][training], penalty)
    return PersonFrames(faces, geometries, described, training, test_rows)


def find_main_people(faceset: FaceSet) -> list[PersonCluster]:
    """The people of a face set; a stray face or two (a passer-by, a poster) is nobody to choose from."""
    people = faceset.people()
    total = sum(person.faces for person in people)
    return [person for person in people if person.faces > STRAY_SHARE * total]


def split_held_out(clips: np.ndarray, frames: np.ndarray, held_out: float) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into training and held out: whole blocks of time, with a gap between the two.

    Args:
        clips: (N,) clip names.
        frames: (N,) frame numbers, ascending within a clip.
    """
    order = np.lexsort((frames, clips))
    count = len(order)
    if held_out == 0:
        return np.sort(order), order[:0]
    blocks = np.minimum(np.arange(count) * BLOCK_COUNT // count, BLOCK_COUNT - 1)
    block_count = max(1, round(held_out * BLOCK_COUNT))
    # Blocks from the middle outward: the ends of a clip are often unlike the rest.
    is_test = np.isin(blocks, [(BLOCK_COUNT // 2 + 3 * i) % BLOCK_COUNT for i in range(block_count)])
    test_rows, rest = order[is_test], order[~is_test]
    is_close = np.zeros(len(rest), bool)
    for clip in np.unique(clips[test_rows]):
        test_frames = np.sort(frames[test_rows][clips[test_rows] == clip])
        mine = clips[rest] == clip
        position = np.searchsorted(test_frames, frames[rest])
        distance_back = np.abs(frames[rest] - test_frames[np.clip(position - 1, 0, len(test_frames) - 1)])
        distance_ahead = np.abs(frames[rest] - test_frames[np.clip(position, 0, len(test_frames) - 1)])
        is_close |= mine & (np.minimum(distance_back, distance_ahead) <= GUARD_FRAMES)
    if is_close.sum() < len(rest) - MIN_FACES // 2:
        rest = rest[~is_close]
    return np.sort(rest), np.sort(test_rows)
