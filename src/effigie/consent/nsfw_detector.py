"""Detection of intimate footage, which is refused: sampled frames go through Yahoo's Open NSFW network.

It knows pornography from other pictures and nothing else: no violence, no age, no context. A stop for the ordinary
user, no judge.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from effigie.assets import ASSETS, fetch_asset
from effigie.errors import RefusedError, UsageError
from effigie.io.measurements import measure_once
from effigie.media.clip import Image
from effigie.media.sampling import FrameSampling, sample_frames
from effigie.progress import CancelToken

if TYPE_CHECKING:
    from effigie.faces.detector import BlazeFaceDetector

THRESHOLD = 0.5
"""Score, 0 to 1, above which a frame counts as intimate: even odds by the network, between its authors' marks for safe
(0.2) and for sure (0.8). Of 3,575 harmless frames (993 clips and portraits, sampled twice) one scores 0.29, the next
0.20, and 99 % less than 0.05."""

MAX_NSFW_SHARE = 0.1  # of the sampled frames may score higher; single frames err
MAX_FRAMES = 16  # of a clip that are looked at

RESIZE_SIDE, INPUT_SIDE, JPEG_QUALITY = 256, 224, 75
MEAN_BGR = np.array([104, 117, 123], np.float32)


@dataclass(frozen=True)
class NsfwReport:
    """Scores of the sampled frames of a clip, a still or some pictures, 0 (harmless) to 1; ``name`` is for messages."""

    name: str
    scores: tuple[float, ...]

    @property
    def nsfw_count(self) -> int:
        """Number of frames that count as intimate."""
        return sum(score > THRESHOLD for score in self.scores)

    @property
    def max_score(self) -> float:
        """The highest score; 0 without frames."""
        return max(self.scores, default=0.0)

    @property
    def is_refused(self) -> bool:
        """Whether too many frames count as intimate."""
        return self.nsfw_count > MAX_NSFW_SHARE * len(self.scores)


def score_images(images: Iterable[Image]) -> np.ndarray:
    """(N,) float64 NSFW scores, 0 to 1, of (H, W, 3) uint8 RGB pictures of any sizes; taken one at a time.

    A picture that was scored on this machine before is not scored again.
    """
    from effigie.faces.detector import BlazeFaceDetector

    make_detector = functools.cache(BlazeFaceDetector)  # only if it is needed, and of this thread alone
    return np.array([_score_once(image, make_detector) for image in images], np.float64)


def _score_once(image: Image, make_detector: Callable[[], BlazeFaceDetector]) -> float:
    content = hashlib.sha256(f"{ASSETS['open_nsfw'].digest} {image.shape}".encode())
    content.update(np.ascontiguousarray(image).data)
    return float(measure_once("nsfw", content.hexdigest(), lambda: _score(image, make_detector()), _is_score))


def _is_score(value: object) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


def _score(image: Image, detector: BlazeFaceDetector) -> float:
    """The network knows upright people: a picture whose faces stand turned is turned for it."""
    from effigie.faces.turned_search import find_upright_turn

    session, name = _network()
    upright = np.ascontiguousarray(np.rot90(image, find_upright_turn(image, detector)))
    return float(session.run(None, {name: preprocess(upright)[None]})[0][0, 1])


def score_clip(path: str | Path, cancel: CancelToken | None = None) -> NsfwReport:
    """Score at most sixteen frames spread over a clip, or a still."""
    frames = sample_frames(Path(path), FrameSampling(positions=MAX_FRAMES), cancel)
    return NsfwReport(str(path), tuple(score_images(frame.image for frame in frames).tolist()))


def check_clip(path: str | Path, cancel: CancelToken | None = None) -> NsfwReport:
    """Refuse a clip or still of which more than a tenth of the sampled frames look intimate, whatever consent there is.

    Raises:
        RefusedError: it does.
    """
    return _refuse_nsfw(score_clip(path, cancel))


def check_images(images: Iterable[Image], name: str) -> NsfwReport:
    """As :func:`check_clip`, of pictures in memory that messages call ``name``."""
    report = NsfwReport(name, tuple(score_images(images).tolist()))
    if not report.scores:
        raise UsageError(f"{name} has no pictures to judge")
    return _refuse_nsfw(report)


def _refuse_nsfw(report: NsfwReport) -> NsfwReport:
    if report.is_refused:
        several = len(report.scores) > 1
        subject = f"{report.nsfw_count} of {len(report.scores)} sampled frames" if several else "it"
        raise RefusedError(
            f"{report.name} looks intimate ({subject} above {THRESHOLD} for the not-safe-for-work network), and "
            "effigie puts no faces into such footage: choose another clip, or a part of this one without it"
        )
    return report


def preprocess(image: Image) -> np.ndarray:
    """(224, 224, 3) float32 BGR less the mean: the network's input from (H, W, 3) uint8 RGB.

    Shrunk without regard to its shape, through JPEG and cut at the middle, as the training pictures were.
    """
    shrinks = image.shape[0] > RESIZE_SIDE and image.shape[1] > RESIZE_SIDE
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    small = cv2.resize(bgr, (RESIZE_SIDE, RESIZE_SIDE), interpolation=interpolation)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    decoded = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))
    edge = (RESIZE_SIDE - INPUT_SIDE) // 2
    return decoded[edge:-edge, edge:-edge].astype(np.float32) - MEAN_BGR


@functools.cache
def _network() -> tuple[Any, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = str(fetch_asset("open_nsfw"))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session, session.get_inputs()[0].name
