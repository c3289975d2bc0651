"""Training examples: real faces, drawn occluders, and which pixels of the face stay visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Image, Landmarks
from effigie.errors import FaceSetError
from effigie.faces.crop import apply_affine, jitter_matrix, resize_matrix
from effigie.faces.mask import face_mask
from effigie.faceset import FaceSet
from effigie.occlusion.network import FACE_GROWTH, INPUT_SIZE, draw_face_parts
from effigie.occlusion.synthetic.augmentation import add_beard, add_shadow, simulate_camera
from effigie.occlusion.synthetic.canvas import OccluderScene
from effigie.occlusion.synthetic.objects import sample_light
from effigie.occlusion.synthetic.occluders import composite_occluder, draw_occluder
from effigie.occlusion.synthetic.visibility_labels import (
    CHEEKS,
    GLASSES_THRESHOLD,
    UNKNOWN,
    glasses_score,
    label_visibility,
)
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress

CANVAS_SIZE = 160  # px at which occluders are painted; 26 MB for a thousand faces
MAX_FACES_PER_CLIP = 60  # faces of one clip at most: more of the same teach nothing
MIN_CONFIDENCE = 0.6  # confidence below which landmarks may lie
OCCLUDER_COUNTS = (0.2, 0.5, 0.23, 0.07)  # how often none, one, two or three occluders
KNOWN = 255  # in :attr:`OcclusionExample.weight`


@dataclass(frozen=True)
class UncoveredFace:
    """A face that nothing covers, before occluders are drawn over it.

    Attributes:
        picture: (CANVAS, CANVAS, 3) uint8 RGB.
        landmarks: (478, 2) float32 px.
        visibility_labels: (CANVAS_SIZE, CANVAS_SIZE) int8 of :func:`label_visibility`.
        clip: whose it is.
    """

    picture: Image
    landmarks: Landmarks
    visibility_labels: np.ndarray
    clip: str


@dataclass(frozen=True)
class OcclusionExample:
    """Inputs and labels of one training example.

    Attributes:
        picture: (SIZE, SIZE, 3) uint8 RGB.
        drawing: (SIZE, SIZE, 2) uint8.
        visible: (SIZE, SIZE, 1) uint8, 255 where the face is seen.
        weight: (SIZE, SIZE, 1) uint8, 255 where that is known and matters.
    """

    picture: Image
    drawing: np.ndarray
    visible: np.ndarray
    weight: np.ndarray


def load_uncovered_faces(
    folders: Sequence[str | Path], progress: ProgressCallback = ignore_progress, cancel: CancelToken | None = None
) -> tuple[list[UncoveredFace], int]:
    """The faces of some face sets that simple checks find uncovered, and how many were left out."""
    uncovered_faces: list[UncoveredFace] = []
    left_out = 0
    for number, folder in enumerate(folders):
        faces = FaceSet.open(folder).load(["clip", "landmarks", "matrix", "confidence"])
        selection: list[int] = []
        for clip in dict.fromkeys(faces.clip.tolist()):
            rows = np.flatnonzero(faces.clip == clip)
            spread = np.linspace(0, len(rows) - 1, min(MAX_FACES_PER_CLIP, len(rows)))
            selection += rows[np.unique(spread.round().astype(int))].tolist()
        for count, row in enumerate(selection):
            if cancel is not None:
                cancel.check()
            if count % 50 == 0:
                progress(Progress("faces", count, len(selection), "faces", f"set {number + 1} of {len(folders)}"))
            picture = faces.crop(row, CANVAS_SIZE)
            landmarks = apply_affine(faces.matrix[row].astype(np.float64), faces.landmarks[row])[:, :2]
            landmarks = apply_affine(resize_matrix(CANVAS_SIZE, faces.crop_size), landmarks)
            landmarks = landmarks.astype(np.float32)
            is_unsure = faces.confidence[row] < MIN_CONFIDENCE
            if is_unsure or glasses_score(picture, landmarks) >= GLASSES_THRESHOLD:
                left_out += 1
                continue
            labels = label_visibility(picture, landmarks).astype(np.int8)
            uncovered_faces.append(UncoveredFace(picture, landmarks, labels, f"{number}/{faces.clip[row]}"))
    if not uncovered_faces:
        raise FaceSetError(f"no uncovered face in {', '.join(map(str, folders))}: extract others")
    return uncovered_faces, left_out


class OcclusionSampler:
    """Draws training examples from uncovered faces.

    Args:
        faces: to paint over; their pictures are also what some occluders are made of.
    """

    def __init__(self, faces: Sequence[UncoveredFace]) -> None:
        self._faces = list(faces)
        counts: dict[str, int] = {}
        for face in self._faces:
            counts[face.clip] = counts.get(face.clip, 0) + 1
        # A film shows more than a portrait, but not as much more as it has frames.
        weights = np.array([counts[face.clip] ** -0.4 for face in self._faces])
        self._shares = weights / weights.sum()

    def sample_texture(self, random: np.random.Generator) -> np.ndarray:
        """(CANVAS_SIZE, CANVAS_SIZE, 3) float32: a piece of somebody's picture, enlarged and turned."""
        picture = self._faces[int(random.integers(0, len(self._faces)))].picture
        zoom, angle = random.uniform(0.8, 3.5), random.uniform(0, 360)
        position = random.uniform(0.1, 0.9, 2) * CANVAS_SIZE
        matrix = cv2.getRotationMatrix2D((float(position[0]), float(position[1])), angle, zoom)
        matrix[:, 2] += CANVAS_SIZE / 2 - position
        piece = cv2.warpAffine(picture, matrix, (CANVAS_SIZE, CANVAS_SIZE), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(piece, np.float32) / 255

    def build_scene(self, face: UncoveredFace, random: np.random.Generator) -> OccluderScene:
        """The scene of a face, which occluders are drawn for."""
        points = np.rint(face.landmarks[CHEEKS]).astype(int).clip(1, CANVAS_SIZE - 2)
        patches = np.stack([face.picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3) for x, y in points])
        tone = np.median(patches.reshape(-1, 3), 0).astype(np.float32) / 255
        return OccluderScene(CANVAS_SIZE, face.landmarks, tone, sample_light(random), self.sample_texture)

    def sample(self, random: np.random.Generator, kind: str | None = None) -> OcclusionExample:
        """An example; of one occluder of ``kind`` where that is given."""
        face = self._faces[int(random.choice(len(self._faces), p=self._shares))]
        scene = self.build_scene(face, random)
        picture = face.picture.astype(np.float32) / 255
        if random.random() < 0.12:
            picture = add_beard(picture, random, scene)
        if random.random() < 0.2:
            picture = add_shadow(picture, random, scene)
        covered = np.zeros((CANVAS_SIZE, CANVAS_SIZE), np.float32)
        for _ in range(int(random.choice(4, p=OCCLUDER_COUNTS)) if kind is None else 1):
            layer = draw_occluder(random, scene, kind)
            picture = composite_occluder(picture, layer, random, scene)
            covered = covered + layer.alpha * (1 - covered)
        if random.random() < 0.06:
            picture = add_shadow(picture, random, scene)
        return self._cut(face, picture, covered, random)

    def _cut(
        self, face: UncoveredFace, picture: Image, covered: np.ndarray, random: np.random.Generator
    ) -> OcclusionExample:
        matrix = np.vstack([jitter_matrix(CANVAS_SIZE, random, 5, 0.06, 0.02), [0, 0, 1]])
        if random.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, CANVAS_SIZE - 1], [0, 1, 0], [0, 0, 1]])
        matrix = resize_matrix(INPUT_SIZE, CANVAS_SIZE) @ matrix
        landmarks = apply_affine(matrix, face.landmarks).astype(np.float32)
        labels = face.visibility_labels.astype(np.float32)
        visible = np.where(labels == 0, 0, 1 - covered)
        # Painted over, even what was unknown is known to be covered.
        certainty = np.maximum(labels != UNKNOWN, covered > 0.95).astype(np.float32)
        size = (INPUT_SIZE, INPUT_SIZE)
        picture = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        visible = cv2.warpAffine(visible.astype(np.float32), matrix, size, borderMode=cv2.BORDER_REPLICATE)
        certainty = cv2.warpAffine(certainty, matrix, size)
        weight = (certainty > 0.99) * (face_mask(landmarks, INPUT_SIZE, INPUT_SIZE, FACE_GROWTH) > 0)
        return OcclusionExample(
            simulate_camera(picture, random),
            draw_face_parts(jitter_landmarks(landmarks, random)),
            np.rint(visible * 255).astype(np.uint8)[..., None],
            (weight * KNOWN).astype(np.uint8)[..., None],
        )


def jitter_landmarks(landmarks: Landmarks, random: np.random.Generator) -> np.ndarray:
    """Landmarks as they are found under a hand: a little beside where the parts are, now and then more."""
    strength = 0.006 if random.random() < 0.7 else 0.02
    matrix = jitter_matrix(INPUT_SIZE, random, 200 * strength, 1.5 * strength, strength)
    return apply_affine(matrix, landmarks)
