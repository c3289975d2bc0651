"""Cross-identity samples: the target's frames with the source's prior in their geometry, as conversion makes them.

They have no ground truth; a loss can only say how much the result looks like the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from effigie.faces.crop import apply_affine
from effigie.faces.mask import face_mask
from effigie.nn.recognizer import compute_chip_matrix
from effigie.prior.frame_bank import FaceGeometry
from effigie.prior.selector import select_nearest
from effigie.swap.dataset import SwapDataset
from effigie.swap.shape_retarget import MASK_MARGIN, ShapeRetarget


@dataclass(frozen=True)
class CrossIdentitySample:
    """One frame of the target, uint8, S x S.

    Attributes:
        picture: (S, S, 3) the target.
        prior: (S, S, 3) the source in the target's geometry.
        visibility: (S, S) of the prior.
        share: (S, S) where conversion puts the made face: the outline, grown to the hairline.
        chip: (2, 3) float32 from the picture to the chip by which it is recognised.
    """

    picture: np.ndarray
    prior: np.ndarray
    visibility: np.ndarray
    share: np.ndarray
    chip: np.ndarray


@dataclass(frozen=True)
class CrossIdentityDataset:
    """Cross-identity samples of two people.

    Attributes:
        source, target: the people's datasets.
        retarget: from the target's geometry to the wanted one.
    """

    source: SwapDataset
    target: SwapDataset
    retarget: ShapeRetarget

    @classmethod
    def from_datasets(cls, source: SwapDataset, target: SwapDataset) -> CrossIdentityDataset:
        return cls(source, target, ShapeRetarget.from_profiles(target.footage.person, source.footage.person))

    def make_sample(self, row: int, random: np.random.Generator | None) -> CrossIdentitySample:
        """The sample of a row of the target; with ``random`` None as it is, else rotated and shifted a little."""
        size, target = self.target.size, self.target
        placement = target.placement(random)
        geometry: FaceGeometry = target.footage.geometries[row]
        wanted = apply_affine(placement, self.retarget(geometry))
        picture = target.place_crop(row, placement)
        prior, visibility = self.source.render_prior(
            lambda: select_nearest(self.source.bank, target.features[row : row + 1]), wanted
        )
        share = (face_mask(wanted, size, size, MASK_MARGIN) * 255).astype(np.uint8)
        return CrossIdentitySample(
            picture, prior, visibility, share, compute_chip_matrix(wanted).astype(np.float32)
        )
