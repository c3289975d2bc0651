"""Plans layers for other compositing programs: package, folder and room are there before the first frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from effigie.errors import EffigieError, UsageError
from effigie.media.clip import ClipInfo
from effigie.media.output.place import check_place, measure_free_space
from effigie.media.pictures.exr import require_openexr
from effigie.progress import format_count

TRACKING = "tracking.jsonl"
MANIFEST = "layers.json"
NOTICE = "notice.txt"
LAYER_NAMES = r"\d+\.exr|tracking\.jsonl|layers\.(json|c2pa)|notice\.txt"
# Of a pixel, compressed; the mark's noise is most of it.
BYTES_PER_PIXEL = 2.3
SURE_SHARE = 0.25  # of the estimated size; with less room than that the work certainly ends with a full disk


@dataclass(frozen=True)
class LayerPlan:
    """What a folder of layers will be.

    Attributes:
        folder: its path.
        width, height: pixels.
        frames: so many EXR files, as far as the container says.
        bytes_needed: estimated.
    """

    folder: Path
    width: int
    height: int
    frames: int | None
    bytes_needed: int

    @property
    def description(self) -> str:
        count = "" if self.frames is None else f", {format_count(self.frames, 'frame')}"
        picture = f"EXR RGBA float32, {self.width}x{self.height}{count}"
        return f"{self.folder}, {picture}; {TRACKING}; signed in {MANIFEST}"


def plan_layers(folder: Path, output: Path, info: ClipInfo, frames: int | None) -> LayerPlan:
    """Plan the layers of a clip; nothing is left on the disk.

    Args:
        output: of the same conversion, which lies elsewhere.
        frames: number to be written.

    Raises:
        UsageError: the package is missing, or the folder is a file, holds other things or is the output itself.
        EffigieError: it cannot be written, or its disk is too full.
    """
    require_openexr()
    if folder.suffix.lower() == ".exr":
        raise UsageError(f"layers are a folder of EXR files, and {folder} is a file's name: drop its suffix")
    layer_path, output_path = folder.absolute(), output.absolute()
    if layer_path == output_path or layer_path in output_path.parents or output_path in layer_path.parents:
        raise UsageError(f"the layers {folder} and the output {output} lie in each other: choose another folder")
    check_place(folder, "folder", info, LAYER_NAMES, "layers")
    width, height = info.file_size or (info.width, info.height)
    if info.file_size and info.rotation in (90, 270):
        width, height = height, width
    needed = int(BYTES_PER_PIXEL * width * height * (frames or 1))
    free = measure_free_space(folder)
    if free < SURE_SHARE * needed:
        raise EffigieError(
            f"the layers {folder} will take about {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free there: free "
            "some space, or choose another folder"
        )
    return LayerPlan(folder, width, height, frames, needed)
