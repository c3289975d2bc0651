"""Faces to store: random numbers, real JPEGs, embeddings of people with a known index."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.faceset import FaceRecord, FaceSet

SIZE = 32


def embedding_of(person: int, seed: int = 0) -> np.ndarray:
    """A unit vector; two of the same person have a cosine of about 0.9, of two people about 0."""
    mean = np.random.default_rng(person).normal(size=128)
    vector = mean + 0.3 * np.random.default_rng([person, seed]).normal(size=128)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def face(clip: str, frame: int, track: int = 0, person: int = 0, size: int = SIZE) -> FaceRecord:
    random = np.random.default_rng([frame, track, person])
    image = cv2.resize(random.integers(0, 255, (4, 4, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
    return FaceRecord(
        clip=clip,
        frame=frame,
        time=Fraction(frame * 1001, 30000),
        track=track,
        box=np.array([10, 20, 110, 140], np.float32),
        landmarks=random.normal(100, 30, (478, 3)).astype(np.float32),
        blendshapes=random.random(52, np.float32),
        pose=np.array([frame % 40 - 20, 5, -3], np.float32),
        matrix=random.normal(size=(2, 3)).astype(np.float32),
        embedding=embedding_of(person, track),
        sharpness=float(frame),
        confidence=0.75,
        crop=cv2.imencode(".jpg", image)[1].tobytes(),
    )


@pytest.fixture(scope="session")
def make_face() -> Callable[..., FaceRecord]:
    return face


@pytest.fixture
def new_set(tmp_path: Path) -> FaceSet:
    return FaceSet.create(tmp_path / "set.faces", {"crop_size": SIZE})


def write(faceset: FaceSet, clip: str, faces: Sequence[tuple[int, int, int]]) -> None:
    source = faceset.create_source(f"{clip}.mp4", f"{clip:0>64}", frames=len(faces), width=640, height=360)
    with faceset.writer(source) as writer:
        writer.write(face(source.name, *where, size=faceset.crop_size) for where in faces)


@pytest.fixture(scope="session")
def add() -> Callable[..., None]:
    """add(faceset, clip, [(frame, track, person), ...]) writes a part."""
    return write


@pytest.fixture(scope="session")
def mixed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original of ``mixed``."""
    made = FaceSet.create(tmp_path_factory.mktemp("mixed") / "set.faces", {"crop_size": SIZE})
    write(made, "a", [(i, 0, 7) for i in range(200)] + [(i, 1, 8) for i in range(40)])
    write(made, "b", [(i, 0, 7) for i in range(30)] + [(i, 1, 7) for i in range(30, 60)])
    return made.path


@pytest.fixture
def mixed(mixed_once: Path, tmp_path: Path) -> FaceSet:
    """300 faces: clip a has person 7 in 200 frames and person 8 in 40; clip b person 7 in 60, two tracks."""
    shutil.copytree(mixed_once, tmp_path / "set.faces")
    return FaceSet.open(tmp_path / "set.faces")
