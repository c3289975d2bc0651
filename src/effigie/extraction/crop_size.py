"""Chooses the size of stored crops by the size of the faces in the footage."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from effigie.errors import EffigieError, FaceSetError
from effigie.execution import Executor
from effigie.faces.align import compute_placement
from effigie.faces.mesh import fit_pose
from effigie.faces.tracker import Tracker
from effigie.faceset import FaceSet
from effigie.io.storage import local_copy
from effigie.media import VideoReader
from effigie.progress import CancelToken

MIN_CROP_SIZE, MAX_CROP_SIZE, STEP = 256, 512, 32
SAMPLED_CLIPS = 6  # looked at, spread over all that are given
SAMPLED_FRAMES = 8  # of each clip, from its start, until a face is seen


def choose_crop_size(output: Path, clips: list[str], executor: Executor, cancel: CancelToken) -> int:
    """Choose the crop size: that of an existing face set, else one estimated from the clips."""
    try:
        return FaceSet.open(output, allow_empty=True).crop_size
    except FaceSetError:
        return estimate_crop_size(clips, executor, cancel)


def estimate_crop_size(clips: list[str], executor: Executor, cancel: CancelToken) -> int:
    """Estimate the crop size at which the largest of a few sampled faces keeps its pixels, a multiple of 32.

    Workers look, so that the caller's own process need not hold the networks.

    Args:
        clips: paths or addresses; those that cannot be read are passed over, extraction reports them.
    """
    chosen = sorted({int(i) for i in np.linspace(0, len(clips) - 1, min(SAMPLED_CLIPS, len(clips)))})
    results = executor.run(
        measure_crop_sides, [clips[index] for index in chosen], lambda _: None, cancel, lambda _: []
    )
    sides = [side for _, found in results for side in found]
    wanted = STEP * int(np.ceil(max(sides, default=0.0) / STEP))
    return int(np.clip(wanted, MIN_CROP_SIZE, MAX_CROP_SIZE))


def measure_crop_sides(clip: str) -> list[float]:
    """Measure the sides in pixels of the crops of the first faces in a clip."""
    tracker = Tracker()
    try:
        with local_copy(clip) as path, VideoReader(path, stop=SAMPLED_FRAMES) as reader:
            for frame in itertools.islice(reader, SAMPLED_FRAMES):
                if found := tracker(frame.image):
                    return [
                        float(np.exp(compute_placement(fit_pose(face.landmark_result.landmarks))[2]))
                        for face in found
                    ]
    except EffigieError:
        pass
    return []
