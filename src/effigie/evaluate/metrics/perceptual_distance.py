"""Perceptual distance: of MobileNetV2 features, in the manner of LPIPS (arXiv 1801.03924).

Unit: 0 (identical) to 4. Measured on 256 px crops: the next frame 0.08, JPEG at quality 30 0.28, a blur of two pixels
0.32, noise of ten grey levels 0.71, another person 1.4. At five resolutions the features of every place are brought
to length one, subtracted and squared; the figure is the mean over places and resolutions. LPIPS weighs the channels
by what people said about pictures; these weights are not to be had, so all channels count alike and the figures are
comparable only among themselves.

What fools it: it punishes noise more than people do and blur less, and knows nothing of identity.
"""

from __future__ import annotations

from effigie.evaluate.metrics.mobilenet import PerceptualFeatures


def perceptual_distance(made: PerceptualFeatures, truth: PerceptualFeatures) -> float:
    """Distance of two pictures of one size.

    Raises:
        ValueError: they differ in size.
    """
    total = 0.0
    for mine, real in zip(made.layers, truth.layers, strict=True):
        if mine.shape != real.shape:
            raise ValueError(f"features of shapes {tuple(mine.shape)} and {tuple(real.shape)}: other sizes")
        total += float((mine - real).square().sum(0).mean())
    return total / len(truth.layers)
