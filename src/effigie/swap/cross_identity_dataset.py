"""Pictures of the swap itself: the target's frames with the source's prior in their geometry, as conversion makes them.

Nobody knows what the answer looks like, so nothing can be restored from them. What can be told of an answer is how much
it looks like the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.faces.crop import apply_affine
from effigie.faces.mask import face_mask
from effigie.nn.recognizer import chip_matrix
from effigie.prior.frame_bank import Geometry
from effigie.prior.render import nearest
from effigie.swap.dataset import Studio
from effigie.swap.shape_retarget import GROW, Retarget


@dataclass(frozen=True)
class Exchanged:
    """One moment of the target, uint8, S x S.

    Attributes:
        picture: (S, S, 3) the target.
        prior: (S, S, 3) the source in the target's geometry.
        validity: (S, S) of the prior.
        share: (S, S) where conversion puts the made face: the outline, grown to the hairline.
        chip: (2, 3) float32 from the picture to the chip by which it is recognised.
    """

    picture: np.ndarray
    prior: np.ndarray
    validity: np.ndarray
    share: np.ndarray
    chip: np.ndarray


@dataclass(frozen=True)
class Exchange:
    """Makes them.

    Attributes:
        source, target: of whom the pictures are.
        retarget: from the target's geometry to the wanted one.
    """

    source: Studio
    target: Studio
    retarget: Retarget

    @classmethod
    def between(cls, source: Studio, target: Studio) -> Exchange:
        return cls(source, target, Retarget.between(target.footage.person, source.footage.person))

    def make(self, row: int, random: np.random.Generator | None) -> Exchanged:
        """A footage row of the target; with ``random`` None as it is, else turned and shifted a little."""
        size, target = self.target.size, self.target
        placement = target.placement(random)
        geometry: Geometry = target.footage.geometries[row]
        wanted = apply_affine(placement, self.retarget(geometry))
        picture = target.whole(row, placement)
        prior, validity = self.source.bent(
            lambda: nearest(self.source.bank, target.found[row : row + 1]), wanted
        )
        share = (face_mask(wanted, size, size, GROW) * 255).astype(np.uint8)
        return Exchanged(picture, prior, validity, share, chip_matrix(wanted).astype(np.float32))
