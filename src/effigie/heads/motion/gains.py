"""How much stronger than the driver's a portrait's movements are asked for, so that they arrive as strong as his."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from effigie.faces.mesh import LEFT_BROW, RIGHT_BROW, load_canonical_mesh

CORNERS = (61, 291)
CORNER_REACH_CM, BROW_REACH_CM = 4.0, 3.5  # within which skin goes with the mouth's corners, and with a brow
# The mouth's width over its own at rest that any face can do: pursed, and smiling. A driver can do more, and a tenth
# more than the driver a portrait can.
MOUTH_WIDTHS, MORE_WIDTH, WIDTH_KNEE = (0.7, 1.35), 1.1, 0.1
# The width of a broad smile over the distance of the outer corners of the eyes; of a calm mouth it is 0.54, of a smile
# 0.75 (120 pictures; deviations 0.03 and 0.05). Whoever smiles in the portrait does not smile twice as much.
BROAD_SMILE, EYE_CORNERS_APART = 0.8, (33, 263)


@dataclass(frozen=True)
class Gains:
    """Factors of single movements; 1 asks for the driver's own.

    Attributes:
        smile: of the mouth's corners.
        mouth: of the lips' gap.
        brows: of brows and forehead.
    """

    smile: float = 1.0
    mouth: float = 1.0
    brows: float = 1.0


@cache
def corner_weights() -> np.ndarray:
    """(478,) how far a landmark goes with the corners of the mouth."""
    return _compute_proximity([[corner] for corner in CORNERS], CORNER_REACH_CM)


@cache
def brow_weights() -> np.ndarray:
    """(478,) how far a landmark goes with the brows; nothing below them."""
    height = np.concatenate([load_canonical_mesh().vertices[:, 1], np.zeros(10)])
    lowest = load_canonical_mesh().vertices[[*LEFT_BROW, *RIGHT_BROW], 1].min()
    return np.asarray(
        _compute_proximity([LEFT_BROW, RIGHT_BROW], BROW_REACH_CM) * np.clip((height - lowest) / 0.8 + 1, 0, 1)
    )


def _compute_proximity(groups: Sequence[Sequence[int] | np.ndarray], reach: float) -> np.ndarray:
    """(478,) 1 at the vertices of the groups, smoothly 0 from ``reach`` cm on; the irises' are 0."""
    flat = load_canonical_mesh().vertices[:, :2]
    distance = np.min([np.linalg.norm(flat[:, None] - flat[group], axis=2).min(1) for group in groups], axis=0)
    share = np.clip(1 - distance / reach, 0, 1)
    return np.concatenate([share * share * (3 - 2 * share), np.zeros(10)])


def mouth_width_range(shapes: np.ndarray, neutral: np.ndarray) -> tuple[float, float]:
    """Least and most width of a mouth over that at rest, from a driver's (N, 478, 3) unposed shapes and neutral one."""
    first, last = CORNERS
    widths = np.linalg.norm(shapes[:, first, :2] - shapes[:, last, :2], axis=1)
    ratios = widths / max(float(np.linalg.norm(neutral[first, :2] - neutral[last, :2])), 1e-6)
    return min(MOUTH_WIDTHS[0], float(ratios.min()) / MORE_WIDTH), max(
        MOUTH_WIDTHS[1], MORE_WIDTH * float(ratios.max())
    )


def limit_mouth_width(own: np.ndarray, change: np.ndarray, low: float, high: float) -> np.ndarray:
    """(478, 3) ``change`` of the unposed shape ``own``, so that its mouth's width over its own stays in a range.

    It gets no wider than that of a broad smile, or hardly wider than it is already.
    """
    rest = max(float(np.linalg.norm(np.subtract(*own[[*CORNERS], :2]))), 1e-6)
    broad = BROAD_SMILE * float(np.linalg.norm(np.subtract(*own[[*EYE_CORNERS_APART], :2]))) / rest
    high = min(high, max(broad, 1 + WIDTH_KNEE / 2))
    width = float(np.linalg.norm(np.subtract(*(own + change)[[*CORNERS], :2]))) / rest
    limit = 1 + _soften(width - 1, high - 1) if width > 1 else 1 - _soften(1 - width, 1 - low)
    if abs(width - limit) < 1e-6:
        return change
    return np.asarray(change * (1 + ((limit - 1) / (width - 1) - 1) * corner_weights()[:, None]))


def _soften(amount: float, most: float) -> float:
    """``amount`` up to a little below ``most``, and then smoothly no further."""
    start = most - WIDTH_KNEE
    return amount if amount <= start else start + WIDTH_KNEE * float(np.tanh((amount - start) / WIDTH_KNEE))
