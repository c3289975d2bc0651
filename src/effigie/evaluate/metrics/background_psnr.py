"""Background PSNR: outside the mask, against the input encoded likewise.

Unit: dB, over all pixels and frames together; infinite if identical. The input itself cannot be the
reference: the encoder alone costs several dB, and would drown what is looked for.

4:2:0 coding spends little on colour, so that RGB scores 2 to 3 dB less than brightness alone.

What fools it: a large mask leaves little outside. The encoder spends bits by the whole picture, so that two
encodings that differ only inside the mask differ a little outside, most beside the mask, where blocks and
deblocking straddle its edge.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from effigie.arrays import Image


class BackgroundError:
    """Adds up squared errors outside a mask, frame by frame.

    Args:
        margin: pixels around the mask that are left out too; 16 is a macroblock.
        luma: compare brightness alone, as is usual for codecs, instead of RGB.
    """

    def __init__(self, margin: int = 0, luma: bool = False) -> None:
        self._margin, self._luma = margin, luma
        self._sum = 0.0
        self._count = 0

    def add(self, output: Image, reference: np.ndarray, mask: np.ndarray) -> float:
        """One frame: (H, W, 3) uint8 twice, and an (H, W) mask whose exact zeros are outside. Returns its own dB."""
        touched = (mask > 0).view(np.uint8)
        if self._margin:
            touched = cv2.dilate(touched, np.ones((2 * self._margin + 1,) * 2, np.uint8))
        if self._luma:
            output, reference = (cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., :1] for image in (output, reference))
        difference = np.atleast_3d(cv2.absdiff(output, reference))
        squared = difference[touched == 0].astype(np.float32) ** 2
        total = float(squared.sum(dtype=np.float64))
        self._sum += total
        self._count += squared.size
        return _psnr(total, squared.size)

    @property
    def psnr(self) -> float:
        """dB; NaN where nothing was outside."""
        return _psnr(self._sum, self._count)


def _psnr(total: float, count: int) -> float:
    if not count:
        return math.nan
    return math.inf if not total else 10 * math.log10(255**2 * count / total)
