"""Face detectors: BlazeFace, quick, for near faces; YuNet, slower, for far and small ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.assets import fetch_asset
from effigie.faces.crop import Roi
from effigie.faces.runtime import TFLiteModel, suppress_stderr

MAX_OVERLAP = 0.3  # intersection over union of two detections, above which the weaker is the same face
ROI_SCALE = 1.5  # the landmark network was trained on squares this much larger than the detector's box


@dataclass(frozen=True)
class Detection:
    """A face: box (4,) x0 y0 x1 y1 px, the two eye points (2, 2) px (image left first), score 0..1."""

    box: np.ndarray
    eyes: np.ndarray
    score: float

    def roi(self) -> Roi:
        """The square for the landmark network: rotated so that the eyes are level."""
        x0, y0, x1, y1 = self.box
        dx, dy = self.eyes[1] - self.eyes[0]
        side = max(x1 - x0, y1 - y0) * ROI_SCALE
        return Roi(float(x0 + x1) / 2, float(y0 + y1) / 2, float(side), float(np.arctan2(dy, dx)))


class BlazeFaceDetector:
    """BlazeFace short range at 128x128 (MediaPipe): 1 ms, faces down to about a tenth of the picture."""

    SIZE = 128

    def __init__(self, threads: int = 1) -> None:
        self._model = TFLiteModel("face_detector.tflite", threads)

    def __call__(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        side = max(height, width)
        scale = self.SIZE / side
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        top, left = (self.SIZE - small.shape[0]) // 2, (self.SIZE - small.shape[1]) // 2
        canvas = np.full((1, self.SIZE, self.SIZE, 3), -1, np.float32)
        canvas[0, top : top + small.shape[0], left : left + small.shape[1]] = small / np.float32(127.5) - 1
        regressed, logits = self._model(canvas)
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))
        indices = np.flatnonzero(scores > 0.5)
        if not indices.size:
            return []
        scores = scores[indices]
        values = regressed[0, indices].reshape(-1, 8, 2)
        values[:, [0, 2, 3]] += compute_anchors()[indices, None] * self.SIZE
        offset = np.array([left, top], np.float32)
        center, extent = (values[:, 0] - offset) / scale, values[:, 1] / scale
        boxes = np.concatenate([center - extent / 2, center + extent / 2], axis=1)
        eyes = (values[:, 2:4] - offset) / scale
        survivors = non_maximum_suppression(boxes, scores)
        return [Detection(boxes[i], eyes[i], float(scores[i])) for i in survivors]


@cache
def compute_anchors() -> np.ndarray:
    """BlazeFace's (896, 2) anchor centres in [0, 1]: two a cell of a 16x16 grid, six a cell of an 8x8 grid."""
    grids = []
    for cells, anchors_per_cell in ((16, 2), (8, 6)):
        centers = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centers, centers, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), anchors_per_cell, axis=0))
    return np.concatenate(grids).astype(np.float32)


def non_maximum_suppression(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Indices of the (N, 4) boxes that survive non-maximum suppression, best first."""
    survivors: list[int] = []
    for index in np.argsort(-scores):
        if all(iou(boxes[index], boxes[other]) < MAX_OVERLAP for other in survivors):
            survivors.append(int(index))
    return survivors


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two (4,) boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


class YuNetDetector:
    """YuNet (OpenCV Zoo) on the whole picture: 25 ms, faces from about 16 pixels up; ``threshold``: least score."""

    MAX_SIDE = 640  # px

    def __init__(self, threshold: float = 0.6) -> None:
        with suppress_stderr():
            path = str(fetch_asset("yunet"))
            self._model = cv2.FaceDetectorYN.create(path, "", (320, 320), threshold, 0.3, 50)

    def __call__(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        scale = min(1.0, self.MAX_SIDE / max(height, width))
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        self._model.setInputSize(size)
        _, rows = self._model.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        detections = []
        for row in [] if rows is None else rows:
            x, y, box_width, box_height = row[:4] / scale
            # YuNet's box reaches from the hairline to the chin; the landmark network expects brows to chin.
            y, box_height = y + 0.12 * box_height, 0.88 * box_height
            box = np.array([x, y, x + box_width, y + box_height], np.float32)
            detections.append(Detection(box, row[4:8].reshape(2, 2) / scale, float(row[14])))
        return detections
