"""A performance before a camera, measured: one person's face, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from effigie.arrays import Embedding, Image, Landmarks
from effigie.errors import MediaError, RefusedError
from effigie.faces.crop import apply_affine, crop
from effigie.faces.mesh import eye_distance, eye_opening, mouth_opening
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from effigie.faces.analyzer import Face

MAX_CLIP_S = 45.0
MIN_EYE_DISTANCE = 30.0  # px between the eyes' centers: a 360-line webcam shows 60 at arm's length
MAX_FACES_LOOKED_AT = 24  # whose identity is measured
BYSTANDER_RATIO = 0.5  # another face this wide beside the largest is a second person
CROP_SIZE, SCENE_SIZE = 256, 64  # px
SMILES = (44, 45)  # blendshapes of either corner of the mouth


@dataclass(frozen=True)
class View:
    """The face in one frame.

    Attributes:
        crop: (256, 256) uint8 gray, placed by the skull.
        landmarks: (478, 3) float32 px of the crop.
    """

    crop: np.ndarray
    landmarks: Landmarks


@dataclass(frozen=True)
class Performance:
    """What the trackers measured in a clip.

    Attributes:
        times: (N,) seconds of the frames.
        yaw, pitch: (N,) degrees.
        lids, mouth: (N,) opening over width.
        smile: (N,) 0 to 1.
        views: N crops of the face with their geometry, None where there is no face.
        embeddings: (M, 128) of some frames.
        embedded: (M,) which frames.
        scene: (N, S, S) uint8 gray, the whole frames made small.
        second_face_share: share of the frames that show a second person as large.
    """

    times: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    lids: np.ndarray
    mouth: np.ndarray
    smile: np.ndarray
    views: Sequence[View | None]
    embeddings: Embedding
    embedded: np.ndarray
    scene: np.ndarray
    second_face_share: float

    @property
    def has_face(self) -> np.ndarray:
        """(N,) bool."""
        return np.isfinite(self.yaw)

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return float(self.times[-1] - self.times[0]) if len(self.times) else 0.0


def measure_performance(
    path: str | Path, progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> Performance:
    """Measure the largest face of a clip.

    Raises:
        MediaError: it cannot be read.
        RefusedError: it is too long, or shows no face, or one that is too small.
    """
    from effigie.assets import REQUIRED_ASSETS, fetch_assets
    from effigie.faces.analyzer import analyze
    from effigie.faces.recognizer import IdentityModel
    from effigie.media import VideoReader

    fetch_assets(REQUIRED_ASSETS)
    identity = IdentityModel()
    rows: list[_Row] = []
    embeddings, embedded = [], []
    with VideoReader(path) as reader:
        total = reader.info.frames
        rate = float(reader.info.rate or 25)
        step = max(1, round((total or 10 * rate) / MAX_FACES_LOOKED_AT))
        for item in analyze(reader, rate=rate):
            if cancel is not None:
                cancel.check()
            time, number = float(item.frame.time), len(rows)
            if time > MAX_CLIP_S:
                raise RefusedError(f"{path} is longer than {MAX_CLIP_S:.0f} s: film the motions alone")
            progress(Progress("measure the face", number, total, "frames"))
            rows.append(_measure_frame(time, item.frame.image, item.faces))
            if item.faces and number % step == 0:
                embeddings.append(identity.embed(item.frame.image, item.faces[0].landmarks))
                embedded.append(number)
    if not rows:
        raise MediaError(f"{path} holds no pictures: film the person")
    sizes = [row.eye_distance for row in rows if row.view is not None]
    if not sizes or not embeddings:
        raise RefusedError(f"no face is seen in {path}: film the person from the front, in good light")
    if np.median(sizes) < MIN_EYE_DISTANCE:
        raise RefusedError(f"the face in {path} is too small to measure: come nearer to the camera")
    return Performance(
        times=np.array([row.time for row in rows]),
        yaw=np.array([row.yaw for row in rows]),
        pitch=np.array([row.pitch for row in rows]),
        lids=np.array([row.lids for row in rows]),
        mouth=np.array([row.mouth for row in rows]),
        smile=np.array([row.smile for row in rows]),
        views=[row.view for row in rows],
        embeddings=np.stack(embeddings),
        embedded=np.array(embedded),
        scene=np.stack([row.scene for row in rows]),
        second_face_share=sum(row.has_others for row in rows) / len(rows),
    )


@dataclass(frozen=True)
class _Row:
    """One frame; NaN and None where there is no face."""

    time: float
    scene: np.ndarray
    view: View | None = None
    yaw: float = np.nan
    pitch: float = np.nan
    lids: float = np.nan
    mouth: float = np.nan
    smile: float = np.nan
    eye_distance: float = np.nan
    has_others: bool = False


def _measure_frame(time: float, image: Image, faces: Sequence[Face]) -> _Row:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scene = cv2.resize(gray, (SCENE_SIZE, SCENE_SIZE), interpolation=cv2.INTER_AREA)
    if not faces:
        return _Row(time, scene)
    face = faces[0]
    matrix = face.matrix(CROP_SIZE)
    view = View(crop(gray, matrix, CROP_SIZE), apply_affine(matrix, face.landmarks).astype(np.float32))
    yaw, pitch, _ = (float(angle) for angle in face.pose.angles)
    return _Row(
        time,
        scene,
        view,
        yaw,
        pitch,
        eye_opening(face.landmarks),
        mouth_opening(face.landmarks),
        float(face.blendshapes[[*SMILES]].mean()),
        eye_distance(face.landmarks),
        len(faces) > 1 and _width(faces[1].box) >= BYSTANDER_RATIO * _width(face.box),
    )


def _width(box: np.ndarray) -> float:
    return float(box[2] - box[0])
