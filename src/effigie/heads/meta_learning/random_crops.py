"""Looking closely: adversary and content loss see now the face, now the mouth or the eyes enlarged.

With geometry first, most of a made picture is the person's own skin: what has to be learned is small. A critic that
only ever saw the whole face would find made and real pictures alike.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from effigie.faces.mesh import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from effigie.training import distributed

SHARES = (0.3, 0.45, 0.25)  # of looks at everything, at the mouth and at the eyes
ROOM = 1.7  # times the width of what is looked at
LEAST = 0.3  # of the picture's side: closer, there are no more pixels
SHIFT = 0.06  # of the look's side, by which it is off at random


def closeups(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(3, 3) float32: centre x, y and side of a look at everything, the mouth and the eyes, as shares of the picture.

    Args:
        landmarks: (478, 3) px of a picture of ``size`` pixels a side.
    """
    looks = [np.array([0.5, 0.5, 1.0])]
    for part in (OUTER_LIPS, np.concatenate([LEFT_EYE, RIGHT_EYE])):
        points = (landmarks[part, :2] + 0.5) / size
        low, high = points.min(0), points.max(0)
        looks.append(np.array([*((low + high) / 2), np.clip(ROOM * (high - low).max(), LEAST, 1.0)]))
    return np.stack(looks).astype(np.float32)


def drawn(looks: Tensor) -> Tensor:
    """(B, 3) one look for each of (B, 3, 3), by torch's global generator."""
    shares = torch.tensor(SHARES, device=looks.device)
    chosen = distributed.drawn(lambda count: torch.multinomial(shares.expand(count, -1), 1)[:, 0], len(looks))
    look = looks[torch.arange(len(looks), device=looks.device), chosen]
    aside = distributed.drawn(lambda count: torch.randn(count, 2, device=look.device), len(looks))
    off = SHIFT * look[:, 2:] * aside * (chosen > 0)[:, None]
    return torch.cat([look[:, :2] + off, look[:, 2:]], dim=1)


def look_at(pictures: Tensor, look: Tensor) -> Tensor:
    """(B, C, S, S) the parts of (B, C, S, S) pictures that (B, 3) looks show, enlarged to the same size."""
    side = look[:, 2]
    theta = torch.zeros(len(look), 2, 3, device=look.device)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = 2 * look[:, :2] - 1
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
