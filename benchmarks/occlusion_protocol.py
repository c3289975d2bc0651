"""Evaluation protocol of the occlusion network: occluders painted over real clips, so that the truth is known.

The painted clip is measured anew, as conversion would: under a hand landmarks are a guess, and the network gets that
guess. Nothing is counted where nobody knows the truth: what looks like hair or background in the clean picture.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from effigie.faces.analyzer import Face, analyze
from effigie.faces.crop import apply_affine, crop, invert_affine
from effigie.faces.mask import face_mask
from effigie.media import Frame, VideoReader, probe
from effigie.occlusion.network import FACE_GROWTH
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.occlusion.synthetic.canvas import OccluderLayer, OccluderScene
from effigie.occlusion.synthetic.objects import sample_light
from effigie.occlusion.synthetic.occluders import composite_occluder, draw_occluder
from effigie.occlusion.synthetic.visibility_labels import CHEEKS, GLASSES_THRESHOLD, glasses_score, label_visibility

SIDE = 256  # px of the crops that are compared
MARGIN = 96  # px around it that occluders are painted in too: drifting, their ends must not come into view
WORN = ("glasses", "hair", "cloth")  # move with the head; all else drifts before it
LEAST = 0.01  # share of the face from which a frame counts as covered
QUALITY = 88  # of the JPEG that paint and picture go through together
FAR = 0.5  # of the crop's side: a face found farther off is another one


@dataclass(frozen=True)
class ClipSegment:
    """Some consecutive frames of a clip, each with its face.

    Attributes:
        clip: its file's name.
        rate: frames a second.
        frames: as read.
        faces: the largest face of each.
        known: (N, SIDE, SIDE) bool in the faces' crops: certainly face in the clean picture.
        glasses: whether glasses seem to be worn.
    """

    clip: str
    rate: float
    frames: list[Frame]
    faces: list[Face]
    known: np.ndarray
    glasses: bool


@dataclass(frozen=True)
class Overlap:
    """Intersection over union of one frame's visible and covered parts (NaN where hardly anything is covered)."""

    visible: float
    covered: float


def read_last_segment(clip: Path, count: int) -> ClipSegment | None:
    """The last ``count`` frames of a clip; None where somebody is not in all of them."""
    info = probe(clip)
    rate = float(info.rate or 25)
    with VideoReader(clip, max(0, (info.frames or count) - count)) as reader:
        items = list(analyze(reader, rate=rate))
    if not items or any(not item.faces for item in items):
        return None
    faces = [item.faces[0] for item in items]
    known, scores = [], []
    for item, face in zip(items, faces, strict=True):
        picture, landmarks = align_face(item.frame.image, face)
        inside = face_mask(landmarks, SIDE, SIDE, FACE_GROWTH) > 0.5
        known.append((label_visibility(picture, landmarks) == 1) & inside)
        scores.append(glasses_score(picture, landmarks))
    worn = float(np.median(scores)) >= GLASSES_THRESHOLD
    return ClipSegment(clip.name, rate, [item.frame for item in items], faces, np.stack(known), worn)


def false_occlusion_share(stretch: ClipSegment, visibility: VisibilityPredictor) -> float:
    """Share of the face that is called covered although nothing is before it, mean of the frames."""
    visibility.reset()
    shares = [
        float((visibility(frame.image, face, SIDE) < 0.5)[known].mean())
        for frame, face, known in zip(stretch.frames, stretch.faces, stretch.known, strict=True)
    ]
    return float(np.mean(shares))


def measure_overlaps(stretch: ClipSegment, kind: str, visibility: VisibilityPredictor) -> list[Overlap]:
    """Overlaps per frame with an occluder of ``kind`` painted over a segment; frames without a face are left out."""
    painted = list(paint_occluder(stretch, kind))
    visibility.reset()
    found = []
    images = [replace(frame, image=image) for frame, (image, _) in zip(stretch.frames, painted, strict=True)]
    for number, item in enumerate(analyze(images, rate=stretch.rate)):
        clean = stretch.faces[number]
        face = min(item.faces, key=lambda one: _apart(one, clean), default=None)
        if face is None or _apart(face, clean) > FAR * np.exp(clean.placement[2]):
            visibility.reset()
            continue
        visible = visibility(item.frame.image, face, SIDE)
        # The crop moved with the landmarks: back into that of the clean picture.
        way = np.vstack([invert_affine(face.matrix(SIDE)), [0, 0, 1]])
        moved = clean.matrix(SIDE).astype(np.float64) @ way
        said = cv2.warpAffine(visible, moved, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE) >= 0.5
        true = crop(painted[number][1], clean.matrix(SIDE), SIDE) < 0.5
        known = stretch.known[number]
        hidden = ~true & known
        enough = hidden.sum() >= LEAST * known.sum()
        found.append(
            Overlap(
                intersection_over_union(said & known, true & known),
                intersection_over_union(~said & known, hidden) if enough else float("nan"),
            )
        )
    return found


def paint_occluder(stretch: ClipSegment, kind: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each frame (H, W, 3) uint8 with the same occluder before it, drifting unless it is worn, and its alpha (H, W)."""
    seed = zlib.crc32(f"{stretch.clip} {kind}".encode())
    random = np.random.default_rng(seed)
    middle = len(stretch.frames) // 2
    picture, landmarks = align_face(stretch.frames[middle].image, stretch.faces[middle])
    stage = create_stage(picture, landmarks, random)
    layer = draw_occluder(random, stage, kind)
    drift = random.normal(0, 0.25, 2) * stage.eye_distance * (kind not in WORN)
    swing = random.uniform(0, 2 * np.pi)
    for number, (frame, face) in enumerate(zip(stretch.frames, stretch.faces, strict=True)):
        turn = np.sin(swing + 2 * np.pi * number / len(stretch.frames)) - np.sin(swing + np.pi)
        back = invert_affine(face.matrix(SIDE))
        back[:, 2] += back[:, :2] @ (drift * turn - MARGIN)
        size = frame.image.shape[1::-1]
        alpha = np.clip(cv2.warpAffine(layer.alpha, back, size), 0, 1)
        color = cv2.warpAffine(layer.color * layer.alpha[..., None], back, size)
        placed = OccluderLayer(color / np.maximum(alpha, 1e-4)[..., None], alpha, layer.casts_shadow)
        scale = float(np.hypot(*back[:, 0]))
        there = replace(stage, landmarks=(stage.landmarks * scale).astype(np.float32))
        made = composite_occluder(frame.image.astype(np.float32) / 255, placed, np.random.default_rng(seed), there)
        stored = np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8)
        _, coded = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        yield np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8), alpha


def create_stage(picture: np.ndarray, landmarks: np.ndarray, random: np.random.Generator) -> OccluderScene:
    """Scene for an occluder, with a margin around the crop; some are textured by the picture itself, enlarged."""
    size = SIDE + 2 * MARGIN
    points = np.rint(landmarks[CHEEKS, :2]).astype(int).clip(0, SIDE - 1)
    skin = np.median(picture[points[:, 1], points[:, 0]], 0).astype(np.float32) / 255

    def texture(random: np.random.Generator) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D((SIDE / 4, SIDE / 4), random.uniform(0, 360), random.uniform(1.5, 4))
        matrix[:, 2] += MARGIN
        piece = cv2.warpAffine(picture, matrix, (size, size), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(piece, np.float32) / 255

    return OccluderScene(size, (landmarks[:, :2] + MARGIN).astype(np.float32), skin, sample_light(random), texture)


def align_face(image: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """The (SIDE, SIDE, 3) crop of a face, and its landmarks there."""
    matrix = face.matrix(SIDE)
    return crop(image, matrix, SIDE), apply_affine(matrix, face.landmarks)


def intersection_over_union(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two (H, W) bool; 1 where both are empty."""
    union = int((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0


def nan_mean(values: Sequence[float]) -> float:
    """Mean of those that are numbers; NaN without."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _apart(one: Face, other: Face) -> float:
    return float(np.hypot(*(one.placement[:2] - other.placement[:2])))
