"""The paper's protocol (section 4) on held-out people: who is measured, from which shots, at which moments.

Of somebody filmed, the shots come from the first part of the clip and the moments to be made from the last, with a
gap between them; of somebody photographed, some stills are shots and the others are to be made. The moments are the
same for every T and every row, and the shots of a smaller T are among those of a larger one, so that figures differ
by nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from effigie.arrays import Embedding
from effigie.errors import FaceSetError
from effigie.evaluate.protocols.heads_config import MAX_SHOTS, RUN, HeadsSettings
from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.landmarker import BLENDSHAPES
from effigie.faces.mesh import fit_pose
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel
from effigie.heads.meta_learning.dataset import MIN_FRAME_GAP
from effigie.heads.meta_learning.identity_dataset import Identity, IdentityDataset
from effigie.heads.motion.controls import Controls
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.retarget import Retargeter
from effigie.prior.frame_bank import EXPRESSIVE, FaceGeometry

HELD_OUT = 0.4  # of a clip, at its end
RATE = 25  # frames a second that clips are taken to have: what is chosen over time fades by it
BLINKS = [BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")]


@dataclass(frozen=True)
class TargetFrame:
    """Target of one frame: the face's geometry in the square crop, and the person's (52,) blendshapes."""

    geometry: FaceGeometry
    blendshapes: np.ndarray


@dataclass(frozen=True)
class Subject:
    """A held-out person."""

    name: str  # of the clip
    identity: Identity  # their frames in the gallery
    shots: tuple[int, ...]  # frames in the order in which they are given: of T, the first T; the calmest first
    runs: tuple[tuple[int, ...], ...]  # frames to be made, consecutive ones together
    embedding: Embedding  # (128,) SFace embedding of the first shot


def choose_subjects(gallery: IdentityDataset, model: IdentityModel, settings: HeadsSettings) -> list[Subject]:
    """The people of a gallery, the longest clip of each, those filmed longest first."""
    subjects: list[Subject] = []
    for identity in sorted(gallery.identities, key=lambda one: (-one.is_video, -len(one))):
        if len(identity) < 2:
            continue
        calm = np.array([neutral_distance(gallery, identity, index) for index in range(len(identity))])
        shots, runs = split_shots(calm, identity.is_video, settings.frames)
        first = gallery.shot(identity, shots[0])
        embedding = model.embed(first.picture, first.geometry.landmarks)
        if all(float(embedding @ other.embedding) < SAME_PERSON_SIMILARITY for other in subjects):
            subjects.append(Subject(identity.clips[shots[0]], identity, shots, runs, embedding))
        if settings.people is not None and len(subjects) == settings.people:
            break
    if not subjects:
        raise FaceSetError("nobody to measure: at least two frames of a person are needed")
    return subjects


def neutral_distance(gallery: IdentityDataset, identity: Identity, index: int) -> float:
    """Distance of a frame from a neutral, frontal face with open eyes; 0 is there."""
    expression = gallery.blendshapes(identity, index)
    angles = gallery.geometry(identity, index).pose.angles[:2] / 25
    return float((expression[EXPRESSIVE] ** 2).sum() + (expression[BLINKS] ** 2).sum() + (angles**2).sum())


def split_shots(calm: np.ndarray, is_video: bool, frames: int) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Split a person's N >= 2 frames into shots and runs of at most ``frames``; ``calm``: (N,) neutral distances."""
    count = len(calm)
    if not is_video:
        order = [int(index) for index in np.argsort(calm, kind="stable")]
        test_shots = sorted(order[1::2])[:frames]
        return tuple(i for i in order if i not in test_shots)[:MAX_SHOTS], tuple((i,) for i in test_shots)
    edge = round((1 - HELD_OUT) * count)
    last = max(1, edge - min(MIN_FRAME_GAP, edge // 2))
    length = min(RUN, count - edge)
    starts = np.linspace(edge, count - length, max(1, min(frames, count - edge) // RUN)).round().astype(int)
    runs = tuple(tuple(range(int(start), int(start) + length)) for start in starts)
    return select_spread(int(np.argmin(calm[:last])), last), runs


def select_spread(first: int, count: int) -> tuple[int, ...]:
    """At most 32 of the numbers below ``count``: ``first``, then always the one farthest from all before it."""
    selection = [first]
    distance = np.abs(np.arange(count) - first)
    while len(selection) < min(MAX_SHOTS, count):
        selection.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.abs(np.arange(count) - selection[-1]))
    return tuple(selection)


def drive_subject(
    gallery: IdentityDataset, subject: Subject, driver: Subject, frames: Sequence[int]
) -> list[TargetFrame]:
    """The subject moving as the driver does in some of the driver's frames, relative to the driver's calmest.

    The subject's first shot moves as ``effigie animate`` would move it; then its face is put upright in the middle of
    the crop, as every crop's is.
    """
    portrait = gallery.shot(subject.identity, subject.shots[0])
    numbers = [driver.shots[0], *frames]
    expressions = np.stack([gallery.blendshapes(driver.identity, number) for number in numbers])
    motion = build_motion([gallery.geometry(driver.identity, number) for number in numbers], expressions)
    retarget = Retargeter(portrait.geometry.landmarks, motion, Controls(ease=0))
    size = portrait.picture.shape[0]
    moments = []
    for index in range(1, len(numbers)):
        landmarks = retarget(index).astype(np.float64)
        matrix = crop_matrix(compute_placement(fit_pose(landmarks)), size)
        moments.append(
            TargetFrame(
                FaceGeometry.from_frame_landmarks(landmarks, matrix),
                np.clip(portrait.blendshapes + expressions[index] - expressions[0], 0, 1),
            )
        )
    return moments


def build_motion(geometries: Sequence[FaceGeometry], blendshapes: np.ndarray) -> Motion:
    """The motion through N faces in crops of one size, the first of which is neutral, with (N, 52) blendshapes."""
    count = len(geometries)
    poses = [geometry.pose for geometry in geometries]
    return Motion(
        times=tuple(Fraction(number, RATE) for number in range(count)),
        durations=(Fraction(1, RATE),) * count,
        present=np.ones(count, bool),
        rotation=np.stack([pose.rotation for pose in poses]),
        scale=np.array([pose.scale for pose in poses]),
        translation=np.stack([pose.translation for pose in poses]),
        unposed=np.stack([geometry.unposed for geometry in geometries]).astype(np.float32),
        blendshapes=np.asarray(blendshapes, np.float32),
        neutral_frame=0,
        rate=Fraction(RATE),
        size=(1, 1),  # of no picture: there is none
        time_base=Fraction(1, RATE),
    )
