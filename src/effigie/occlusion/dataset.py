"""Training examples: real faces, painted occluders, and what is to be seen of the face then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from effigie.errors import FaceSetError
from effigie.faces.crop import apply_affine, jitter, resizing
from effigie.faces.mask import face_mask
from effigie.faceset import FaceSet
from effigie.occlusion.network import OUTLINE, SIZE, drawing
from effigie.occlusion.synthetic.canvas import Stage
from effigie.occlusion.synthetic.footage import bearded, recorded, shaded
from effigie.occlusion.synthetic.natural import CHEEKS, GLASSES, UNKNOWN, glasses_score, seen
from effigie.occlusion.synthetic.occluders import draw, laid
from effigie.occlusion.synthetic.things import picture_light
from effigie.progress import Cancel, Progress, ProgressCallback, silent

CANVAS = 160  # px at which occluders are painted; 26 MB for a thousand faces
A_CLIP = 60  # faces of one clip at most: more of the same teach nothing
SURE = 0.6  # confidence below which landmarks may lie
COVERS = (0.2, 0.5, 0.23, 0.07)  # how often none, one, two or three occluders
KNOWN = 255  # in :attr:`Example.weight`


@dataclass(frozen=True)
class Plain:
    """A face with nothing painted over it.

    Attributes:
        picture: (CANVAS, CANVAS, 3) uint8 RGB.
        landmarks: (478, 2) float32 px.
        seen: (CANVAS, CANVAS) int8 of :func:`effigie.occlusion.synthetic.natural.seen`.
        clip: whose it is.
    """

    picture: np.ndarray
    landmarks: np.ndarray
    seen: np.ndarray
    clip: str


@dataclass(frozen=True)
class Example:
    """What the network is given and what it should say.

    Attributes:
        picture: (SIZE, SIZE, 3) uint8 RGB.
        drawing: (SIZE, SIZE, 2) uint8.
        visible: (SIZE, SIZE) uint8, 255 where the face is seen.
        weight: (SIZE, SIZE) uint8, 255 where that is known and matters.
    """

    picture: np.ndarray
    drawing: np.ndarray
    visible: np.ndarray
    weight: np.ndarray


def plain_faces(
    folders: Sequence[str | Path], progress: ProgressCallback = silent, cancel: Cancel | None = None
) -> tuple[list[Plain], int]:
    """The faces of some face sets that nothing covers as far as simple checks can tell, and how many were left out.

    Raises:
        FaceSetError: one cannot be read, or no face is fit.
    """
    found: list[Plain] = []
    left_out = 0
    for number, folder in enumerate(folders):
        faces = FaceSet.open(folder).load(["clip", "landmarks", "matrix", "confidence"])
        chosen: list[int] = []
        for clip in dict.fromkeys(faces.clip.tolist()):
            rows = np.flatnonzero(faces.clip == clip)
            chosen += rows[
                np.unique(np.linspace(0, len(rows) - 1, min(A_CLIP, len(rows))).round().astype(int))
            ].tolist()
        for done, row in enumerate(chosen):
            if cancel is not None:
                cancel.check()
            if done % 50 == 0:
                progress(Progress("faces", done, len(chosen), "faces", f"set {number + 1} of {len(folders)}"))
            picture = faces.crop(row, CANVAS)
            landmarks = apply_affine(faces.matrix[row].astype(np.float64), faces.landmarks[row])[:, :2]
            landmarks = apply_affine(resizing(CANVAS, faces.crop_size), landmarks).astype(np.float32)
            if faces.confidence[row] < SURE or glasses_score(picture, landmarks) >= GLASSES:
                left_out += 1
                continue
            known = seen(picture, landmarks).astype(np.int8)
            found.append(Plain(picture, landmarks, known, f"{number}/{faces.clip[row]}"))
    if not found:
        raise FaceSetError(f"no uncovered face in {', '.join(map(str, folders))}: extract others")
    return found, left_out


class Painter:
    """Makes examples of plain faces.

    Args:
        faces: to paint over; their pictures are also what some occluders are made of.
        evenly: of clips rather than of faces: a clip of a minute counts as much as a portrait and a little more.
    """

    def __init__(self, faces: Sequence[Plain]) -> None:
        self._faces = list(faces)
        counts: dict[str, int] = {}
        for face in self._faces:
            counts[face.clip] = counts.get(face.clip, 0) + 1
        # A film shows more than a portrait, but not as much more as it has frames.
        weights = np.array([counts[face.clip] ** -0.4 for face in self._faces])
        self._shares = weights / weights.sum()

    def texture(self, random: np.random.Generator) -> np.ndarray:
        """(CANVAS, CANVAS, 3) float32: a piece of somebody's picture, enlarged and turned."""
        picture = self._faces[int(random.integers(0, len(self._faces)))].picture
        zoom, angle = random.uniform(0.8, 3.5), random.uniform(0, 360)
        at = random.uniform(0.1, 0.9, 2) * CANVAS
        matrix = cv2.getRotationMatrix2D((float(at[0]), float(at[1])), angle, zoom)
        matrix[:, 2] += CANVAS / 2 - at
        piece = cv2.warpAffine(picture, matrix, (CANVAS, CANVAS), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(piece, np.float32) / 255

    def stage(self, face: Plain, random: np.random.Generator) -> Stage:
        """Where an occluder is to appear before a face."""
        points = np.rint(face.landmarks[CHEEKS]).astype(int).clip(1, CANVAS - 2)
        patches = np.stack([face.picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3) for x, y in points])
        tone = np.median(patches.reshape(-1, 3), 0).astype(np.float32) / 255
        return Stage(CANVAS, face.landmarks, tone, picture_light(random), self.texture)

    def make(self, random: np.random.Generator, kind: str | None = None) -> Example:
        """An example; of one occluder of ``kind`` where that is given."""
        face = self._faces[int(random.choice(len(self._faces), p=self._shares))]
        stage = self.stage(face, random)
        picture = face.picture.astype(np.float32) / 255
        if random.random() < 0.12:
            picture = bearded(picture, random, stage)
        if random.random() < 0.2:
            picture = shaded(picture, random, stage)
        covered = np.zeros((CANVAS, CANVAS), np.float32)
        for _ in range(int(random.choice(4, p=COVERS)) if kind is None else 1):
            layer = draw(random, stage, kind)
            picture = laid(picture, layer, random, stage)
            covered = covered + layer.alpha * (1 - covered)
        if random.random() < 0.06:
            picture = shaded(picture, random, stage)
        return self._cut(face, picture, covered, random)

    def _cut(
        self, face: Plain, picture: np.ndarray, covered: np.ndarray, random: np.random.Generator
    ) -> Example:
        matrix = np.vstack([jitter(CANVAS, random, 5, 0.06, 0.02), [0, 0, 1]])
        if random.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, CANVAS - 1], [0, 1, 0], [0, 0, 1]])
        matrix = resizing(SIZE, CANVAS) @ matrix
        landmarks = apply_affine(matrix, face.landmarks).astype(np.float32)
        natural = face.seen.astype(np.float32)
        visible = np.where(natural == 0, 0, 1 - covered)
        # Painted over, even what was unknown is known to be covered.
        known = np.maximum(natural != UNKNOWN, covered > 0.95).astype(np.float32)
        size = (SIZE, SIZE)
        picture = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        visible = cv2.warpAffine(visible.astype(np.float32), matrix, size, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.warpAffine(known, matrix, size)
        weight = (known > 0.99) * (face_mask(landmarks, SIZE, SIZE, OUTLINE) > 0)
        return Example(
            recorded(picture, random),
            drawing(trembling(landmarks, random)),
            np.rint(visible * 255).astype(np.uint8),
            (weight * KNOWN).astype(np.uint8),
        )


def trembling(landmarks: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Landmarks as they are found under a hand: a little beside where the parts are, now and then more."""
    strength = 0.006 if random.random() < 0.7 else 0.02
    matrix = jitter(SIZE, random, 200 * strength, 1.5 * strength, strength)
    return apply_affine(matrix, landmarks)
