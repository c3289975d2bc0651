"""How large crops should be stored: as large as the faces are in the footage, within reason."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from effigie.errors import EffigieError, FaceSetError
from effigie.execution import Executor
from effigie.faces.align import placement
from effigie.faces.mesh import fit_pose
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet
from effigie.io.storage import near
from effigie.media import Reader
from effigie.progress import Cancel

SMALLEST, LARGEST, STEP = 256, 512, 32
CLIPS = 6  # looked at, spread over all that are given
FRAMES = 8  # of each clip, from its start, until a face is seen


def crop_size(output: Path, clips: list[str], executor: Executor, cancel: Cancel) -> int:
    """That of the face set that is there already, else what the clips' faces have."""
    try:
        return FaceSet.open(output, allow_empty=True).crop_size
    except FaceSetError:
        return natural_size(clips, executor, cancel)


def natural_size(clips: list[str], executor: Executor, cancel: Cancel) -> int:
    """The crop size at which the largest of a few sampled faces keeps its pixels, a multiple of 32.

    Workers look, so that the caller's own process need not hold the networks.

    Args:
        clips: paths or addresses; those that cannot be read are passed over, extraction reports them.
    """
    chosen = sorted({int(i) for i in np.linspace(0, len(clips) - 1, min(CLIPS, len(clips)))})
    looks = executor.run(sides_in, [clips[index] for index in chosen], lambda _: None, cancel, lambda _: [])
    sides = [side for _, found in looks for side in found]
    wanted = STEP * int(np.ceil(max(sides, default=0.0) / STEP))
    return int(np.clip(wanted, SMALLEST, LARGEST))


def sides_in(clip: str) -> list[float]:
    """Sides in pixels of the crops of the first faces in a clip."""
    tracker = Tracker()
    try:
        with near(clip) as path, Reader(path, stop=FRAMES) as reader:
            for frame in itertools.islice(reader, FRAMES):
                if found := tracker(frame.image):
                    return [float(np.exp(placement(fit_pose(face.measured.landmarks))[2])) for face in found]
    except EffigieError:
        pass
    return []
