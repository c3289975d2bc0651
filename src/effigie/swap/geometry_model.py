"""A swap without training: the source's frames, both people's face profiles, and nothing to be learned.

The model folder is that of :func:`effigie.swap.train` before its first weights: conversion makes faces by geometry
alone, and training continues it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from effigie.arrays import Image
from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import ConsentLike, permit
from effigie.errors import MediaError
from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.crop import crop
from effigie.faces.landmarker import LandmarkResult
from effigie.faces.mesh import OPEN_LIDS, eye_opening
from effigie.faces.recognizer import SAME_PERSON_SIMILARITY, IdentityModel
from effigie.faces.tracker import TrackedFace, Tracker
from effigie.io.locks import with_output_lock
from effigie.media import Frame
from effigie.media.sampling import FrameSampling, sample_frames
from effigie.occlusion.network import INPUT_SIZE
from effigie.prior.frame_bank import FaceGeometry, FaceProfile, estimate_profile, measure_expression
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress
from effigie.swap.checkpoint import load_config, match_stored_preset, save_config
from effigie.swap.config import SwapSettings
from effigie.swap.mouth_visibility import COVERED, MIN_MOUTH_VISIBILITY, measure_mouth_visibility
from effigie.swap.person_frames import load_person_frames
from effigie.swap.presets import get_preset
from effigie.swap.trainer import build_bank, save_source
from effigie.training.model_folder import check_output

CLEARLY_TURNED = 25.0  # degrees that count as much as an expression of energy 1
SAMPLING = FrameSampling(positions=12, frames_per_position=2)  # of the clip; a second of work


@with_output_lock("output")
def build_swap(
    source: str | Path,
    clip: str | Path,
    output: str | Path,
    settings: SwapSettings | None = None,
    *,
    person: int = 0,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> Frame:
    """Build a model that swaps by geometry alone.

    Args:
        source: face set of the person whose face will be shown; one face is enough.
        clip: footage of the target, of whom a few frames are measured.
        output: the model's folder.
        settings: ``preset``, ``bank`` and ``source_person`` count.
        person: which face of the clip, by size (0 = the largest).

    Returns:
        The sampled frame that is the best portrait of the target, for a preview: frontal, calm, nothing in front.

    Raises:
        RefusedError: no valid consent for the source's face.
        FaceSetError: missing, or several people and none chosen.
        ModelError: ``output`` holds another model.
        MediaError: the clip cannot be read, or shows no face, or not so many.
        CancelledError: asked to stop.
    """
    settings, output, cancel = settings or SwapSettings(), Path(output), cancel or CancelToken()
    size = match_stored_preset(output, get_preset(settings.preset))
    check_output(output, load_config, {"prior": True, "preset": asdict(size)}, "another preset or prior")
    footage = load_person_frames(str(source), "source", settings.source_person, 0.0, min_faces=1)
    permission = permit("swap", SubjectFaces.from_faces(footage.faces), consent, purpose=purpose)
    _, rows = build_bank(footage, settings.bank)
    target, frame = measure_profile(clip, person, progress, cancel)
    save_config(output, size, True, footage.person, target)
    save_source(output, source, footage, rows, permission, progress)
    return frame


def measure_profile(
    clip: str | Path, person: int = 0, progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> tuple[FaceProfile, Frame]:
    """The face profile of somebody in a clip, from a few frames spread over it; and the best portrait among these.

    Args:
        person: which face, by size in the frame that shows the most faces (0 = the largest).

    Raises:
        MediaError: the clip cannot be read, shows no face, or not so many at once.
    """
    seen = list(_find_faces(Path(clip), progress, cancel))
    most = max((len(faces) for _, faces, _ in seen), default=0)
    if most <= person:
        found = (
            f"at most {format_count(most, 'face')} at once: choose a smaller number with --person"
            if most
            else "no face: choose footage in which somebody can be seen, large and sharp"
        )
        raise MediaError(f"{clip} shows {found}")
    wanted = next(embeddings[person] for _, faces, embeddings in seen if len(faces) == most)
    geometries, blendshapes, embeddings, frames = [], [], [], []
    for frame, faces, found_embeddings in seen:
        cosines = [float(embedding @ wanted) for embedding in found_embeddings]
        if cosines and max(cosines) >= SAME_PERSON_SIMILARITY:
            best = int(np.argmax(cosines))
            geometries.append(FaceGeometry.from_landmarks(faces[best].landmark_result.landmarks))
            blendshapes.append(faces[best].blendshapes)
            embeddings.append(found_embeddings[best])
            frames.append(frame)
    mouths = measure_mouth_visibility(*_cut_faces(frames, geometries))
    penalty = np.where(mouths < MIN_MOUTH_VISIBILITY, COVERED, 0.0)
    profile = estimate_profile(geometries, np.stack(blendshapes), np.stack(embeddings), penalty)
    turned = np.array([float(np.hypot(*geometry.pose.angles[:2])) for geometry in geometries]) / CLEARLY_TURNED
    shut = np.array([eye_opening(geometry.landmarks) < OPEN_LIDS for geometry in geometries])
    portrait = np.argmin(turned + measure_expression(geometries, np.stack(blendshapes)) + penalty + COVERED * shut)
    return profile, frames[int(portrait)]


def _cut_faces(
    frames: list[Frame], geometries: list[FaceGeometry]
) -> tuple[Callable[[int], Image], list[FaceGeometry]]:
    """Upright crops of faces given in frame pixels, as the occlusion network takes them, and their geometries there."""
    matrices = [crop_matrix(compute_placement(geometry.pose), INPUT_SIZE) for geometry in geometries]
    cut = [
        FaceGeometry.from_frame_landmarks(geometry.landmarks, matrix)
        for geometry, matrix in zip(geometries, matrices, strict=True)
    ]
    return lambda index: crop(frames[index].image, matrices[index], INPUT_SIZE), cut


def _find_faces(
    clip: Path, progress: ProgressCallback, cancel: CancelToken | None
) -> Iterator[tuple[Frame, list[TrackedFace], list[np.ndarray]]]:
    """Sampled frames that show faces, with these, largest first, and their embeddings."""
    identity, total = IdentityModel(), SAMPLING.positions * SAMPLING.frames_per_position
    tracker = Tracker()
    for number, frame in enumerate(sample_frames(clip, SAMPLING, cancel)):
        progress(Progress("look at the clip", min(number, total), total, "frames", str(clip)))
        tracker.reset()  # sampled frames lie apart
        faces = sorted(tracker(frame.image), key=lambda face: -_measure_size(face.landmark_result))
        if faces:
            yield frame, faces, [identity.embed(frame.image, face.landmark_result.landmarks) for face in faces]
    progress(Progress("look at the clip", total, total, "frames"))


def _measure_size(found: LandmarkResult) -> float:
    return float(np.ptp(found.landmarks[:, :2], axis=0).prod())
