"""What is broken: a few frames of a sample in many formats, and the recipe of each broken file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.mutations import MUTATIONS, mutated
from effigie.io.atomic import atomic
from effigie.media import Reader

SIZE = (320, 180)  # px; the sample's face is found in it
FRAMES = 4
RATE = 25
MOVING: dict[str, tuple[str, str, dict[str, str], bool]] = {
    # File: codec, pixel format, options of the container, sound.
    "end.mp4": ("libx264", "yuv420p", {}, True),
    "start.mp4": ("libx264", "yuv420p", {"movflags": "+faststart"}, True),
    "pieces.mp4": ("libx264", "yuv420p", {"movflags": "frag_keyframe+empty_moov"}, False),
    "hevc.mp4": ("libx265", "yuv420p", {}, False),
    "mjpeg.mov": ("mjpeg", "yuvj420p", {}, False),
    "h264.mkv": ("libx264", "yuv420p", {}, True),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {}, False),
    "mpeg4.avi": ("mpeg4", "yuv420p", {}, False),
    "mpeg1.mpg": ("mpeg1video", "yuv420p", {}, False),
    "moving.gif": ("gif", "rgb8", {}, False),
    "moving.png": ("apng", "rgb24", {}, False),
}
STILLS = ("still.png", "still.jpg", "still.webp", "still.bmp", "still.tif")


@dataclass(frozen=True)
class Recipe:
    """How a broken file is made: which file, how it is broken, and what it calls itself.

    Attributes:
        base: the whole file.
        kind: of :data:`~benchmarks.mutations.MUTATIONS`, or ``unharmed``.
        seed: of the damage.
        suffix: of the broken file's name, dot included.
    """

    base: Path
    kind: str
    seed: int
    suffix: str

    @property
    def name(self) -> str:
        return f"{self.seed:05d}-{self.base.stem}-{self.kind}{self.suffix}"

    def make(self, folder: Path) -> Path:
        """Write the broken file into a folder."""
        path = folder / self.name
        path.write_bytes(mutated(self.base.read_bytes(), self.kind, self.seed))
        return path


def recipes(bases: Sequence[Path], count: int, first_seed: int = 0) -> list[Recipe]:
    """``count`` recipes: every base broken in every way in turn, one in twenty under another's suffix."""
    suffixes = sorted({base.suffix for base in bases})
    kinds = [*MUTATIONS, "absurd_field", "box_size", "unharmed"]
    turns = itertools.cycle(itertools.product(kinds, bases))
    found = []
    for seed, (kind, base) in zip(range(first_seed, first_seed + count), turns, strict=False):
        wrong = kind == "unharmed" or seed % 20 == 0
        suffix = suffixes[seed % len(suffixes)] if wrong else base.suffix
        found.append(Recipe(base, kind, seed, suffix))
    return found


def whole_media(clip: Path, folder: Path) -> list[Path]:
    """The first frames of a clip, small, in every format; made once."""
    folder.mkdir(parents=True, exist_ok=True)
    with Reader(clip, stop=FRAMES) as reader:
        images = [cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA) for frame in reader]
    found = []
    for name in MOVING:
        found.append(folder / name)
        if not found[-1].is_file():
            with atomic(found[-1]) as temporary:
                _encode(temporary, images, *MOVING[name])
    for name in STILLS:
        found.append(folder / name)
        with atomic(found[-1]) as temporary:
            cv2.imwrite(str(temporary), images[0][..., ::-1])
    found.append(folder / "moving.webp")
    animation = cv2.Animation()
    animation.frames = [np.ascontiguousarray(image[..., ::-1]) for image in images]
    animation.durations = np.full(len(images), 1000 // RATE)  # type: ignore[assignment]
    with atomic(found[-1]) as temporary:
        cv2.imwriteanimation(str(temporary), animation)
    return found


def _encode(
    path: Path,
    images: Sequence[np.ndarray],
    codec: str,
    pixel_format: str,
    options: dict[str, str],
    sound: bool,
) -> None:
    # A name that ends in .png would make numbered pictures.
    container = "apng" if codec == "apng" else None
    quiet = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    with av.open(str(path), "w", format=container, container_options=options) as output:
        stream = output.add_stream(codec, rate=RATE, options=quiet)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        stream.codec_context.gop_size = 2
        voice = output.add_stream("aac", rate=44100) if sound else None
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if isinstance(voice, av.AudioStream):
            for start in range(0, 44100 * len(images) // RATE, 1024):
                tone = np.sin(np.arange(start, start + 1024)[None] / 20).astype(np.float32) / 4
                samples = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                samples.sample_rate, samples.pts, samples.time_base = 44100, start, Fraction(1, 44100)
                output.mux(voice.encode(samples))
            output.mux(voice.encode(None))
