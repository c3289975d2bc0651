"""Names of the arrays that all packages pass around; each docstring says the shape where it differs."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Image: TypeAlias = np.ndarray
"""(H, W, 3) RGB, uint8 in 0..255 or float32 in 0..1."""

Landmarks: TypeAlias = np.ndarray
"""(478, 3) of the face mesh: x to the right and y down in pixels of a frame or crop, z away from the viewer."""

Embedding: TypeAlias = np.ndarray
"""(128,) of unit length: who a face is; several are (N, 128)."""

AffineMatrix: TypeAlias = np.ndarray
"""(2, 3), maps pixels of one picture to another's: ``x' = matrix @ (x, y, 1)``."""
