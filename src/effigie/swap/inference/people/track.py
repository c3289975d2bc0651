"""What the tracking data of layers says of a made face: its place, its landmarks and its pose, in the file's pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from effigie.faces.analyzer import Face
from effigie.media.pixel_shape import PixelGrid
from effigie.swap.inference.swapper import SwappedFace


def describe_face(
    model: str, face: Face, swapped: SwappedFace, grid: PixelGrid, field: int | None = None
) -> dict[str, Any]:
    """The values of a face, for JSON.

    Places are in pixels of the layer (upright, the file's own, which need not be square); the middle of the first pixel
    is (0, 0), y points down. docs/media.md names the entries.

    Args:
        model: name of the model's folder.
        face: of the footage, in square pixels.
        grid: of the square pixels over the file's.
        field: of interlaced footage the field that was measured, 0 or 1.
    """
    scale = np.array(grid.file, float) / grid.display
    offset = scale / 2 - 0.5
    landmarks = face.landmarks.astype(float)
    landmarks[:, :2] = landmarks[:, :2] * scale + offset
    landmarks[:, 2] *= scale[0]
    # A place in the file's pixels goes back to square ones first.
    matrix = np.asarray(swapped.matrix, float).copy()
    matrix[:, 2] -= matrix[:, :2] @ (offset / scale)
    matrix[:, :2] /= scale
    yaw, pitch, roll = face.pose.angles
    return {
        "model": model,
        "track": face.track,
        **({} if field is None else {"field": field}),
        "opacity": round(float(swapped.opacity), 4),
        "yaw": round(float(yaw), 3),
        "pitch": round(float(pitch), 3),
        "roll": round(float(roll), 3),
        "matrix": [[round(float(value), 6) for value in row] for row in matrix],
        "side": swapped.picture.shape[0],
        "landmarks": [[round(float(value), 2) for value in point] for point in landmarks],
    }
