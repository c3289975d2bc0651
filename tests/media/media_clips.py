"""Clips for the tests, made with PyAV alone, without the code under test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

WIDTH, HEIGHT = 96, 64
BITS = 8
MATRICES = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}
REFORMATTER = VideoReformatter()  # one for all: its preparations take longer than a small picture
MATRIX_CODES = {"bt601": 6, "bt709": 1}


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) uint8 RGB that encodes its number (bars at the top) and its orientation (red at the left)."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([180 - 150 * x / width, 90 + 60 * y / height, np.full((height, width), 90)], -1)
    for bit in range(BITS):
        bar = slice(bit * width // BITS, (bit + 1) * width // BITS)
        image[: height // 4, bar] = 230 if index >> bit & 1 else 25
    return image.astype(np.uint8)


def number(image: np.ndarray) -> int:
    """The number that a picture encodes, after any lossy codec."""
    height, width = image.shape[:2]
    bars = image[: height // 4].mean(axis=(0, 2)).reshape(-1)
    values = [bars[b * width // BITS + 2 : (b + 1) * width // BITS - 2].mean() for b in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(values) if value > 128)


def yuv(rgb: tuple[int, int, int], matrix: str, full: bool) -> np.ndarray:
    """(3,) float YUV of an RGB colour by the textbook (ITU-T H.273, 8 bit)."""
    red, blue = MATRICES[matrix]
    r, g, b = (value / 255 for value in rgb)
    luma = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - luma) / (2 * (1 - blue)), (r - luma) / (2 * (1 - red))
    return np.array(
        [255 * luma, 255 * u + 128, 255 * v + 128] if full else [16 + 219 * luma, 128 + 224 * u, 128 + 224 * v]
    )


@dataclass
class Sound:
    """A sine on one stream."""

    codec: str = "aac"
    rate: int = 44100
    seconds: float = 1.0
    start: Fraction = Fraction(0)


@dataclass
class Recipe:
    """How to make a clip; the defaults are 20 frames of H.264 with B-frames."""

    count: int = 20
    size: tuple[int, int] = (WIDTH, HEIGHT)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    tick: Fraction = Fraction(1, 25)
    ticks: Sequence[int] | None = None
    rotation: int = 0
    flat: np.ndarray | None = None
    """(3,) YUV of every pixel instead of numbered pictures."""
    matrix: str | None = None
    full: bool | None = None
    options: dict[str, str] = field(default_factory=lambda: {"bf": "2", "g": "6", "crf": "12"})
    sounds: Sequence[Sound] = ()
    subtitles: Sequence[str] = ()
    aspect: Fraction = Fraction(1)

    @property
    def presented(self) -> list[int]:
        return list(self.ticks) if self.ticks is not None else list(range(self.count))

    @property
    def times(self) -> list[Fraction]:
        return [tick * self.tick for tick in self.presented]


def make(path: Path, recipe: Recipe | None = None, **changes) -> Path:
    """Write the clip and return its path."""
    recipe = recipe or Recipe(**changes)
    with av.open(str(path), "w", container_options=_container_options(path)) as output:
        output.metadata["title"] = "made for a test"
        rate = Fraction(25) if recipe.ticks is not None else 1 / recipe.tick
        video = output.add_stream(recipe.codec, rate=rate, options=recipe.options, time_base=recipe.tick)
        video.width, video.height = recipe.size
        video.pix_fmt = recipe.pixel_format
        video.codec_context.sample_aspect_ratio = recipe.aspect
        if recipe.rotation:
            video.set_display_rotation(recipe.rotation)
        if recipe.matrix is not None:
            video.codec_context.colorspace = MATRIX_CODES[recipe.matrix]
        if recipe.full is not None:
            video.codec_context.color_range = 2 if recipe.full else 1
        sounds = [(sound, _sound_stream(output, sound)) for sound in recipe.sounds]
        texts = [output.add_mux_stream("subrip") for _ in recipe.subtitles]
        for text in texts:
            text.time_base = Fraction(1, 1000)
        for index, tick in enumerate(recipe.presented):
            frame = _frame(index, recipe)
            frame.pts, frame.time_base = tick, recipe.tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for sound, stream in sounds:
            _write_sound(output, stream, sound)
        for index, (words, stream) in enumerate(zip(recipe.subtitles, texts, strict=True)):
            packet = av.Packet(words.encode())
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = 100 * (index + 1)
            packet.duration = 300
            output.mux(packet)
    return path


def packets(path: Path, kind: str, which: int = 0) -> list[tuple[Fraction, bytes]]:
    """Presentation time and payload of every packet of a stream."""
    with av.open(str(path)) as container:
        stream = [stream for stream in container.streams if stream.type == kind][which]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]


def _container_options(path: Path) -> dict[str, str]:
    return {"movie_timescale": "90000"} if path.suffix in (".mp4", ".mov") else {}


def _frame(index: int, recipe: Recipe) -> av.VideoFrame:
    width, height = recipe.size
    if recipe.flat is None:
        shown = av.VideoFrame.from_ndarray(picture(index, width, height), "rgb24")
        return REFORMATTER.reformat(shown, format=recipe.pixel_format)
    planes = np.empty((height * 3 // 2, width), np.uint8)
    values = np.rint(recipe.flat).clip(0, 255)
    planes[:height] = values[0]
    planes[height : height + height // 4] = values[1]
    planes[height + height // 4 :] = values[2]
    return av.VideoFrame.from_ndarray(planes, "yuv420p")


def _sound_stream(output, sound: Sound):
    stream = output.add_stream(sound.codec, rate=sound.rate)
    stream.codec_context.layout = "stereo"
    if sound.codec == "vorbis":
        stream.codec_context.options = {"strict": "experimental"}
    return stream


def _write_sound(output, stream, sound: Sound) -> None:
    samples = int(sound.rate * sound.seconds)
    wave = (8000 * np.sin(np.arange(samples) * 440 * 2 * np.pi / sound.rate)).astype(np.int16)
    for at in range(0, samples, 1024):
        block = np.repeat(wave[at : at + 1024], 2)[None]
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
        frame.sample_rate = sound.rate
        frame.time_base = Fraction(1, sound.rate)
        frame.pts = at + int(sound.start * sound.rate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
