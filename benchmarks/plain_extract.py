"""Plain extraction loop over the same networks: the baseline of extraction.

One frame at a time: decode, detect, landmarks, blendshapes, crop, JPEG; nothing is tracked, smoothed,
batched or run beside anything else, and the networks get two threads.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2

from effigie.faces.align import compute_placement, crop_matrix
from effigie.faces.crop import crop
from effigie.faces.detector import BlazeFaceDetector
from effigie.faces.landmarker import BlendshapeModel, LandmarkModel
from effigie.faces.mesh import fit_pose

PRESENCE = 0.5  # what the landmark network must be sure of, as in tracking


@dataclass(frozen=True)
class PlainReport:
    """Frames read, faces written, seconds from the first model loaded to the last file written."""

    frames: int
    faces: int
    seconds: float

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds


def plain_extract(
    clips: Iterable[str | Path],
    output: str | Path,
    size: int = 256,
    quality: int = 95,
    threads: int = 2,
    max_frames: int | None = None,
) -> PlainReport:
    """Write the face crops of some clips into a folder as JPEGs.

    Args:
        output: made if need be.
        size: side of the crops, px.
        quality: of the JPEGs, 1..100.
        threads: of the detector and the landmark network.
        max_frames: frames of each clip at most.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    detector, landmarks, blendshapes = (BlazeFaceDetector(threads=threads), LandmarkModel(threads), BlendshapeModel())
    frames = faces = 0
    for number, clip in enumerate(clips):
        with contextlib.closing(av.open(str(clip))) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index == max_frames:
                    break
                image = frame.to_ndarray(format="rgb24")
                frames += 1
                for order, detection in enumerate(detector(image)):
                    measured = landmarks(image, detection.roi())
                    if measured.presence < PRESENCE:
                        continue
                    blendshapes(measured.landmarks)
                    matrix = crop_matrix(compute_placement(fit_pose(measured.landmarks)), size)
                    picture = cv2.cvtColor(crop(image, matrix, size), cv2.COLOR_RGB2BGR)
                    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
                    (folder / f"{number}-{index:06d}-{order}.jpg").write_bytes(encoded.tobytes())
                    faces += 1
    return PlainReport(frames, faces, time.perf_counter() - begun)
