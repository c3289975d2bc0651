"""Which pixels count as face and which as everything else, from a conversion's masks or from the mesh."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from effigie.errors import UsageError
from effigie.faces.mask import Grow, face_mask
from effigie.faces.mesh import eye_distance

ERODE = 0.08  # of the eye distance: the seam must not count as sharpness of the face
AROUND = 0.5  # without masks, everything within an outline this much larger counts as touched
BELONGS = 0.3  # a mask belongs to the person within an outline this much larger


class MaskFolder:
    """Masks that ``convert`` wrote: a folder of grey PNGs in the order of the frames.

    Args:
        size: (height, width) that they must have.

    Raises:
        UsageError: no such folder, or no PNG in it.
    """

    def __init__(self, folder: str | Path, size: tuple[int, int]) -> None:
        self.folder = Path(folder)
        self._size = size
        self._files = sorted(self.folder.glob("*.png")) if self.folder.is_dir() else []
        if not self._files:
            raise UsageError(f"{folder} holds no masks: name the folder that `effigie convert --masks` wrote")

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """(H, W) uint8, 0 = untouched.

        Raises:
            UsageError: there are fewer masks than frames, or one is damaged or of another size.
        """
        if index >= len(self._files):
            raise UsageError(
                f"{self.folder} holds {len(self._files)} masks, the clip has more frames: convert again"
            )
        path = self._files[index]
        mask = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != self._size:
            found = "no picture" if mask is None else f"{mask.shape[1]}x{mask.shape[0]}"
            raise UsageError(
                f"{path} is {found}, the frames are {self._size[1]}x{self._size[0]}: convert again"
            )
        return mask


def mesh_mask(landmarks: np.ndarray, size: tuple[int, int], grow: float = 0.0) -> np.ndarray:
    """(H, W) uint8, 255 inside the outline of (478, >= 2) landmarks grown by a share of itself."""
    return np.round(255 * face_mask(landmarks, *size, Grow(grow, grow, grow))).astype(np.uint8)


def inside_face(landmarks: np.ndarray, size: tuple[int, int], mask: np.ndarray | None) -> np.ndarray:
    """(H, W) bool: where the made face can be judged, away from its seam.

    Args:
        landmarks: of the person, so that a mask over several faces is cut to this one.
        mask: (H, W) uint8 of the conversion; the mesh's outline where None.
    """
    if mask is None:
        solid = mesh_mask(landmarks, size) > 127
    else:
        solid = (mask > 127) & (mesh_mask(landmarks, size, BELONGS) > 0)
    reach = max(2, round(ERODE * eye_distance(landmarks)))
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return cv2.erode(solid.view(np.uint8), element, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def covered(landmarks: np.ndarray, size: tuple[int, int], mask: np.ndarray) -> float:
    """Share of the mesh's outline that a (H, W) uint8 mask replaces, 0..1."""
    outline = mesh_mask(landmarks, size) > 127
    return float((mask[outline] > 127).mean()) if outline.any() else 0.0
