"""The source's frames in a swap's model folder: a small face set, and what its frames are worth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from effigie.faceset import FaceSet
from effigie.faceset.schema import picture_name
from effigie.io.atomic_write import read_json, write_json
from effigie.io.measurements import measure_once
from effigie.prior.frame_bank import FaceGeometry, FaceProfile, FrameBank, compute_features, estimate_occlusion
from effigie.swap.checkpoint_paths import BANK, PENALTIES
from effigie.swap.person_frames import PersonFrames

# Share of strange pixels that nine in ten uncovered faces stay below (a hand: 0.02 to 0.2).
MAX_CLEAN_OCCLUSION = 0.008
# Penalty for each share of the face beyond that, in the centimetres that retrieval compares.
OCCLUDED_CM = 100.0
BLUR_CM = 0.5


def has_bank(folder: Path) -> bool:
    """Whether a model's folder holds source frames."""
    return FaceSet.exists(folder / BANK)


def save_bank(path: Path, footage: PersonFrames, rows: np.ndarray, faceset: FaceSet) -> None:
    """Write some rows of the source's face set as the model's frame bank."""
    names = {footage.faces.name(int(row)) for row in rows}
    bank = FaceSet.create(path, {"crop_size": footage.faces.crop_size})
    source = bank.create_source("bank", "bank", frames=len(rows))
    with bank.writer(source) as writer:
        for record in faceset.records():
            if picture_name(record.clip, record.frame, record.track) in names:
                # Track numbers of different clips meet in one part: the clip's own numbering is not needed here.
                writer.write([replace(record, clip=source.name, frame=writer.faces, track=0)])


def load_bank(path: Path, person: FaceProfile) -> FrameBank:
    """Load a frame bank; crops are decoded when first used, and cached."""
    faces = FaceSet.open(path).load(("landmarks", "blendshapes", "matrix", "sharpness"))
    geometries = [
        FaceGeometry.from_frame_landmarks(landmarks, matrix)
        for landmarks, matrix in zip(faces["landmarks"], faces["matrix"], strict=True)
    ]
    pictures: dict[int, np.ndarray] = {}

    def read(index: int) -> np.ndarray:
        if index not in pictures:
            if len(pictures) > 64:
                pictures.pop(next(iter(pictures)))
            pictures[index] = faces.crop(index)
        return pictures[index]

    digest = _digest_bank(path, person)
    penalty = load_penalty(
        path.with_name(PENALTIES),
        digest,
        len(geometries),
        lambda: compute_penalty(read, geometries, person, faces["sharpness"]),
    )
    return FrameBank(read, geometries, compute_features(geometries, faces["blendshapes"], person), penalty, digest)


def compute_penalty(
    read: Any, geometries: list[FaceGeometry], person: FaceProfile, sharpness: np.ndarray
) -> np.ndarray:
    """(N,) penalty in centimetres for occluded and for blurred frames."""
    occluded = estimate_occlusion(read, geometries, person)
    blur = np.clip(1 - sharpness / np.median(sharpness), 0, 1)
    return OCCLUDED_CM * np.maximum(occluded - MAX_CLEAN_OCCLUSION, 0) + BLUR_CM * blur


def save_penalty(path: Path, person: FaceProfile) -> None:
    """Write the penalties of a bank's frames beside it, so that whoever loads it first need not measure them."""
    bank = load_bank(path, person)
    write_json(path.with_name(PENALTIES), {"bank": bank.digest, "penalty": bank.penalty.tolist()})


def load_penalty(path: Path, digest: str, count: int, measure: Callable[[], np.ndarray]) -> np.ndarray:
    """(N,) the penalties in a file, if they are of the bank of this digest; else measured, once on this machine."""

    def is_valid(values: Any) -> bool:
        penalty = np.asarray(values, np.float64)
        return penalty.shape == (count,) and bool((penalty >= 0).all()) and bool(np.isfinite(penalty).all())

    try:
        stored = read_json(path)
        if stored["bank"] == digest and is_valid(stored["penalty"]):
            return np.asarray(stored["penalty"], np.float64)
    except (OSError, ValueError, LookupError, TypeError):
        pass  # of an older model, or damaged
    return np.asarray(measure_once("banks", digest, lambda: measure().tolist(), is_valid), np.float64)


def _digest_bank(path: Path, person: FaceProfile) -> str:
    """SHA-256 of all that the penalties depend on: the frames, and the shape that they are compared in."""
    digest = hashlib.sha256(np.ascontiguousarray(person.shape, np.float64).tobytes())
    for part in sorted(path.glob("part-*.parquet")):
        digest.update(part.read_bytes())
    return digest.hexdigest()
