"""Finding the mark: in frames, in a clip, in a still.

The id is believed only if its whole codeword agrees with what was measured. The codewords are scrambled with
signs drawn from the key; against such signs the agreement of any one codeword with any measurement that holds
no mark exceeds z standard deviations with probability at most exp(-z²/2) (Hoeffding). Summed over all 2^48
codewords and all poses tried, :data:`AGREEMENT` keeps the chance of a false alarm below one in 10^9 a clip.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.media import Reader
from effigie.media.opening import opened, picture_stream
from effigie.media.pictures import is_picture
from effigie.progress import Cancel
from effigie.trust.watermark.geometry import Pose, Search
from effigie.trust.watermark.payload import ID_BITS, decode, encode
from effigie.trust.watermark.residual import Sum

POSES = 8
FALSE_ALARMS = 1e-9
AGREEMENT = math.sqrt(2 * math.log((1 + POSES) * 2.0**ID_BITS / FALSE_ALARMS))


@dataclass(frozen=True)
class Found:
    """A mark that was found.

    Attributes:
        id: the 48 bits.
        confidence: 1 less the probability that an unmarked clip agrees as well, 0 to 1.
        agreement: of the codeword with the evidence, in standard deviations of chance.
        frames: how many were used.
        pose: how the pattern lies; 1, 1, 0, 0 unless the picture was cropped.
    """

    id: int
    confidence: float
    agreement: float
    frames: int
    pose: Pose

    @property
    def hex(self) -> str:
        """The id as 12 hexadecimal digits."""
        return f"{self.id:012x}"


def detect(frames: Iterable[NDArray[np.uint8]], cancel: Cancel | None = None) -> Found | None:
    """The mark in frames of one clip, or None.

    Args:
        frames: (H, W, 3) uint8 RGB or (H, W) luma, all of one size; others are passed over. Thirty or more are
            better than one, those far apart better than neighbours.
    """
    total = Sum()
    for frame in frames:
        if cancel is not None:
            cancel.check()
        total.add(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame)
    return _found(total, cancel) if total.frames else None


def _found(total: Sum, cancel: Cancel | None) -> Found | None:
    search = Search(total.residual())
    found = _read(search, Pose(), total.frames)
    if found is not None:
        return found
    for pose in search.candidates(POSES):
        if cancel is not None:
            cancel.check()
        found = _read(search, search.refined(pose)[1], total.frames)
        if found is not None:
            return found
    return None


def _read(search: Search, pose: Pose, frames: int) -> Found | None:
    evidence = search.evidence(pose)
    output_id = decode(evidence)
    if output_id is None:
        return None
    agreement = float(encode(output_id) @ evidence / np.linalg.norm(evidence))
    if agreement < AGREEMENT:
        return None
    chance = (1 + POSES) * 2.0**ID_BITS * math.exp(-(agreement**2) / 2)
    return Found(output_id, 1 - chance, agreement, frames, pose)


def detect_file(path: str | Path, seconds: float = 60.0, cancel: Cancel | None = None) -> Found | None:
    """The mark in a clip or still, or None.

    Args:
        path: anything :class:`effigie.media.Reader` reads.
        seconds: how far into a clip to look; frames are taken from all over this part.

    Raises:
        MediaError: the file cannot be read.
    """
    path = Path(path)
    return detect(sampled(path, seconds), cancel)


FRAMES = 64
SPOTS = 8


def sampled(path: Path, seconds: float) -> Iterator[NDArray[np.uint8]]:
    """Up to 64 frames: all over a short clip, or in runs behind key frames of a long one."""
    if path.is_dir() or is_picture(path):
        with Reader(path) as reader:
            step = max(1, math.ceil((reader.info.frames or 1) / FRAMES))
            yield from (frame.image for frame in reader if frame.index % step == 0)
        return
    with Reader(path) as reader:
        info = reader.info
        rate = float(info.rate or 25)
        count = info.frames or round(float(info.duration or 1) * rate)
        count = max(1, min(count, math.ceil(seconds * rate)))
        if count <= 4 * FRAMES:
            step = math.ceil(count / FRAMES)
            for frame in reader:
                if frame.index >= count:
                    return
                if frame.index % step == 0:
                    yield frame.image
            return
    with opened(path) as container:
        stream = picture_stream(container, path)
        length = count / rate
        for spot in range(SPOTS):
            container.seek(
                int(length * (spot + 0.25) / SPOTS / stream.time_base), stream=stream, backward=True
            )
            for number, frame in enumerate(container.decode(stream)):
                if number == FRAMES // SPOTS:
                    break
                yield frame.to_ndarray(format="gray")
