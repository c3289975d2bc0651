"""Face and background regions of a frame, from a conversion's masks or from the mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from effigie.arrays import Landmarks
from effigie.errors import UsageError
from effigie.faces.mask import MaskMargin, face_mask
from effigie.faces.mesh import eye_distance

INNER_EROSION = 0.08  # of the eye distance: the seam must not count as sharpness of the face
AROUND = 0.5  # without masks, everything within an outline this much larger counts as touched
BELONGS = 0.3  # a mask belongs to the person within an outline this much larger


@dataclass(frozen=True)
class MaskSource:
    """Where a folder of masks comes from, for error messages."""

    name: str  # of the pictures
    folder: str  # the folder that should have been named
    remedy: str  # what to do about pictures that do not fit


CONVERSION_MASKS = MaskSource("masks", "the folder that `effigie convert --masks` wrote", "convert again")
OCCLUDER_MASKS = MaskSource(
    "covers", "a folder of grey PNGs, one a frame, white where something covers a face", "draw them anew"
)


class MaskFolder:
    """A folder of grey PNGs in the order of the frames: masks that ``convert`` wrote, or drawn covers.

    Args:
        size: (height, width) that they must have.
    """

    def __init__(self, folder: str | Path, size: tuple[int, int], source: MaskSource = CONVERSION_MASKS) -> None:
        self.folder = Path(folder)
        self._size, self._source = size, source
        self._files = sorted(self.folder.glob("*.png")) if self.folder.is_dir() else []
        if not self._files:
            raise UsageError(f"{folder} holds no {source.name}: name {source.folder}")

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        """(H, W) uint8, 0 = untouched."""
        if index >= len(self._files):
            raise UsageError(
                f"{self.folder} holds {len(self._files)} {self._source.name}, the clip has more frames: "
                f"{self._source.remedy}"
            )
        path = self._files[index]
        mask = cv2.imdecode(np.frombuffer(path.read_bytes() or b"\0", np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != self._size:
            size = "no picture" if mask is None else f"{mask.shape[1]}x{mask.shape[0]}"
            raise UsageError(f"{path} is {size}, the frames are {self._size[1]}x{self._size[0]}: {self._source.remedy}")
        return mask


def build_mesh_mask(landmarks: Landmarks, size: tuple[int, int], grow: float = 0.0) -> np.ndarray:
    """(H, W) uint8, 255 inside the outline of (478, >= 2) landmarks grown by a share of itself."""
    return np.round(255 * face_mask(landmarks, *size, MaskMargin(grow, grow, grow))).astype(np.uint8)


def face_interior(landmarks: Landmarks, size: tuple[int, int], mask: np.ndarray | None) -> np.ndarray:
    """(H, W) bool: the interior of the generated face, away from its seam.

    A ``mask`` (H, W) uint8 over several faces is cut to this one; where None, the mesh's outline stands in.
    """
    if mask is None:
        solid = build_mesh_mask(landmarks, size) > 127
    else:
        solid = (mask > 127) & (build_mesh_mask(landmarks, size, BELONGS) > 0)
    reach = max(2, round(INNER_EROSION * eye_distance(landmarks)))
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return cv2.erode(solid.view(np.uint8), element, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def mask_coverage(landmarks: Landmarks, size: tuple[int, int], mask: np.ndarray) -> float:
    """Share of the mesh's outline that a (H, W) uint8 mask replaces, 0..1."""
    outline = build_mesh_mask(landmarks, size) > 127
    return float((mask[outline] > 127).mean()) if outline.any() else 0.0


def select_own_mask(landmarks: Landmarks, mask: np.ndarray) -> np.ndarray:
    """(H, W) uint8: of a mask over several faces, the patches that this face's outline touches."""
    number, patches = cv2.connectedComponents((mask > 0).view(np.uint8))
    if number <= 2:  # nothing, or one patch
        return mask
    mine = np.zeros(number, bool)
    mine[patches[build_mesh_mask(landmarks, mask.shape) > 127]] = True
    return np.where(mine[patches], mask, 0).astype(np.uint8)
