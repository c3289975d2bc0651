"""Fréchet distance of generated pictures to real ones, of pooled MobileNetV2 features.

Unit: that of the features, squared; 0 where both have the same mean and covariance. It is not the FID of papers,
which takes Inception features: compare these figures only among themselves.

Few samples: features have 1280 dimensions, and of N pictures covariances have a rank below N. Nothing is added to
their diagonals. The trace of the matrix root is computed exactly from the centred samples themselves, as the sum of
singular values of an N x N product, which needs no inverse and no root of a singular matrix. What remains is the
estimate's bias: fewer samples give larger distances. So only figures of equal counts may be compared; rows of one
table are made of the same moments.

What fools it: it looks at crowds, not at pairs. Somebody else's faces with the same spread of poses would pass, and
blur that keeps the features' statistics too.
"""

from __future__ import annotations

import numpy as np


def frechet_distance(made: np.ndarray, truth: np.ndarray) -> float:
    """Distance of the normal distributions fitted to (N, D) and (M, D) features; NaN for fewer than two samples.

    |mean difference|² + tr(A + B - 2 (A B)^(1/2)), A and B being the covariances.
    """
    if len(made) < 2 or len(truth) < 2:
        return float("nan")
    first, second = (np.asarray(features, np.float64) for features in (made, truth))
    apart = first.mean(0) - second.mean(0)
    # A = a'a and B = b'b: the roots of A B's eigenvalues are the singular values of a b'.
    a, b = ((each - each.mean(0)) / np.sqrt(len(each) - 1) for each in (first, second))
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(max(0.0, apart @ apart + (a**2).sum() + (b**2).sum() - 2 * shared))
