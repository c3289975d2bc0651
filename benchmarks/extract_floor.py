"""Lower bound of extraction's time: decoding and the landmark network on every core, and nothing else."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import cv2

from effigie.faces.crop import Roi
from effigie.faces.landmarker import LandmarkModel
from effigie.media import VideoReader


def floor_rate(clips: Sequence[Path], processes: int) -> float:
    """Frames a second of all processes together, each of which reads all the clips; their start is left out.

    A frame is decoded to RGB and one square of it measured by the landmark network: nothing is looked for, followed,
    smoothed, cropped or written.
    """
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, initializer=_wait, initargs=(together,)) as pool:
        return sum(future.result() for future in [pool.submit(_rate, clips) for _ in range(processes)])


def _wait(together: Barrier) -> None:
    cv2.setNumThreads(1)
    together.wait()


def _rate(clips: Sequence[Path]) -> float:
    landmarks = LandmarkModel()
    frames, begun = 0, time.perf_counter()
    for clip in clips:
        with VideoReader(clip, threads=1) as reader:
            for frame in reader:
                height, width = frame.image.shape[:2]
                landmarks(frame.image, Roi(width / 2, height / 2, height / 2, 0.0))
                frames += 1
    return frames / (time.perf_counter() - begun)
