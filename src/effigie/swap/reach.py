"""How far a head may turn beyond what the source's footage shows, and what happens there.

Bending a face by fifteen degrees looks right, by thirty it folds. Between the two the networks, which never saw such
poses, hand over to geometry; beyond, the footage is left as it is. The change takes a fifth of a second either way, so
that two faces are never seen one through the other for long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.prior.bank import Geometry

FAMILIAR, STRANGE = 12.0, 20.0  # degrees: the networks alone up to the one, geometry alone from the other
LEAVE, RETURN = (
    32.0,
    27.0,
)  # degrees: the footage is left as it is beyond the one, until it is back at the other
DISSOLVE = 0.2  # s


@dataclass(frozen=True)
class Shown:
    """What of the made face counts at one moment.

    Attributes:
        beyond: degrees to the nearest pose of the source's footage.
        geometry: 0..1, how much of the networks' part geometry takes.
        face: 0..1, how much of the face is shown at all.
        side: 0..1, how much of what the mask reaches beyond the mesh at the sides: there a turned head shows what was
            behind the source's.
    """

    beyond: float
    geometry: float
    face: float
    side: float


class Reach:
    """Follows one track.

    Args:
        geometries: of the source's frames.
        rate: frames a second.
    """

    def __init__(self, geometries: Sequence[Geometry], rate: float) -> None:
        self._poses = np.array([geometry.pose.angles[:2] for geometry in geometries])
        self._step = 1 / max(DISSOLVE * rate, 1.0)
        self.reset()

    def reset(self) -> None:
        """At a cut there is nothing to dissolve from."""
        self._left = False
        self._face: float | None = None

    def __call__(self, geometry: Geometry) -> Shown:
        """The next frame of the track."""
        beyond = float(np.linalg.norm(self._poses - np.asarray(geometry.pose.angles)[:2], axis=1).min())
        self._left = beyond > (RETURN if self._left else LEAVE)
        wanted = 0.0 if self._left else 1.0
        known = wanted if self._face is None else self._face
        self._face = float(np.clip(wanted, known - self._step, known + self._step))
        geometry_share = float(np.clip((beyond - FAMILIAR) / (STRANGE - FAMILIAR), 0, 1))
        return Shown(beyond, geometry_share, self._face, 1 - float(np.clip(beyond / FAMILIAR, 0, 1)))
