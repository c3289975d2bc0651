"""A mask changed by hand: kept, taken away or added to, place by place in the face's crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MaskPaint:
    """What was painted onto the masks of a face, on a crop of S x S.

    Attributes:
        keep: (S, S) float32 in 0..1, the share of the mask that stays.
        add: (S, S) float32 in 0..1, the share that is the made face's in any case; 0 on the crop's border.
    """

    keep: NDArray[np.float32]
    add: NDArray[np.float32]

    def apply(self, mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """The (S, S) mask as it was painted."""
        return np.asarray(mask * self.keep + self.add)
