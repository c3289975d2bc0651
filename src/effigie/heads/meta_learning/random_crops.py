"""Random crops for the losses: the whole face, or the mouth or the eyes enlarged.

With geometry first, most of a made picture is the person's own skin: what has to be learned is small. A discriminator
that only ever saw the whole face would find made and real pictures alike.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from effigie.arrays import Landmarks
from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.training import distributed

CROP_SHARES = (0.3, 0.45, 0.25)  # of crops of everything, of the mouth and of the eyes
CROP_MARGIN = 1.7  # times the width of what is cropped
MIN_SIDE = 0.3  # of the picture's side: closer, there are no more pixels
MAX_SHIFT = 0.06  # of the crop's side, by which it is shifted at random


def compute_crop_boxes(landmarks: Landmarks, size: int) -> np.ndarray:
    """(3, 3) float32: centre x, y and side of the crops of everything, the mouth and the eyes, as picture shares.

    Args:
        landmarks: (478, 3) px of a picture of ``size`` pixels a side.
    """
    crop_boxes = [np.array([0.5, 0.5, 1.0])]
    for part in (OUTER_LIPS, np.concatenate([LEFT_EYE, RIGHT_EYE])):
        points = (landmarks[part, :2] + 0.5) / size
        low, high = points.min(0), points.max(0)
        crop_boxes.append(np.array([*((low + high) / 2), np.clip(CROP_MARGIN * (high - low).max(), MIN_SIDE, 1.0)]))
    return np.stack(crop_boxes).astype(np.float32)


def sample_crop_boxes(crop_boxes: Tensor) -> Tensor:
    """(B, 3) one crop box for each of (B, 3, 3), drawn by torch's global generator."""
    shares = torch.tensor(CROP_SHARES, device=crop_boxes.device)
    choice = distributed.draw_shard(lambda count: torch.multinomial(shares.expand(count, -1), 1)[:, 0], len(crop_boxes))
    boxes = crop_boxes[torch.arange(len(crop_boxes), device=crop_boxes.device), choice]
    offset = distributed.draw_shard(lambda count: torch.randn(count, 2, device=boxes.device), len(crop_boxes))
    off = MAX_SHIFT * boxes[:, 2:] * offset * (choice > 0)[:, None]
    return torch.cat([boxes[:, :2] + off, boxes[:, 2:]], dim=1)


def crop_and_resize(pictures: Tensor, boxes: Tensor) -> Tensor:
    """(B, C, S, S) the crops of (B, C, S, S) pictures in (B, 3) boxes, enlarged to the same size."""
    side = boxes[:, 2]
    theta = torch.zeros(len(boxes), 2, 3, device=boxes.device)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = 2 * boxes[:, :2] - 1
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
