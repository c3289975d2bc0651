"""Attacks on the watermark: re-encoding, trimming, scaling, cropping, filming off a screen.

Every attack takes frames and gives a file, as a platform or a person would, so that what is read afterwards has
been through a real encoder. Frames are (H, W, 3) uint8 RGB in a list: clips of a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.filter import Graph
from av.video.stream import VideoStream

from effigie.errors import EffigieError
from effigie.media.clip import Image

Change = Callable[[list[Image], Fraction], tuple[list[Image], Fraction]]
"""Frames and their rate to others."""

H264, HEVC, VP8, VP9, GIF, JPEG = "h264", "hevc", "vp8", "vp9", "gif", "jpeg"
CRF = 23  # what an encoder takes if nobody says
GIF_RATE = Fraction(25, 2)
JPEG_QUALITY = 80

_CODECS = {
    H264: ("libx264", ".mp4", {"preset": "medium"}),
    HEVC: ("libx265", ".mp4", {"preset": "fast", "x265-params": "log-level=error"}),
    VP8: ("libvpx", ".webm", {"deadline": "good", "cpu-used": "4", "b": "2M"}),
    VP9: ("libvpx-vp9", ".webm", {"deadline": "good", "cpu-used": "5", "row-mt": "1", "b": "0"}),
}


def unchanged(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
    return frames, rate


@dataclass(frozen=True)
class Attack:
    """One attack on a clip.

    Attributes:
        name: in words.
        kind: attacks of one kind are counted together.
        change: to the frames, before they are encoded.
        codec: one of the constants above.
        crf: constant rate factor, where the codec has one.
    """

    name: str
    kind: str
    change: Change = field(default=unchanged)
    codec: str = H264
    crf: int = CRF

    def apply(self, frames: Sequence[Image], rate: Fraction, stem: Path) -> Path:
        """Do it, and write the result beside ``stem`` with the codec's suffix.

        Raises:
            EffigieError: nothing is left to write.
        """
        changed, at = self.change(list(frames), rate)
        if not changed:
            raise EffigieError(f"{self.name} leaves nothing of {stem.name}: give a longer clip")
        if self.codec == JPEG:
            return _jpeg(changed, stem)
        if self.codec == GIF:
            return _gif(changed, at, stem)
        return _video(changed, at, stem, self.codec, self.crf)


def resize(factor: float) -> Change:
    """Every side times ``factor``, to whole even numbers of pixels as encoders want them."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        height, width = frames[0].shape[:2]
        size = max(2, 2 * round(width * factor / 2)), max(2, 2 * round(height * factor / 2))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        return [np.asarray(cv2.resize(frame, size, interpolation=how), np.uint8) for frame in frames], rate

    return change


def crop(share: float, across: float = 0.5, down: float = 0.5) -> Change:
    """``share`` off every side's length; 0 takes it all off at the right or bottom, 1 at the left or top."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        height, width = frames[0].shape[:2]
        rows, columns = int(height * (1 - share)) // 2 * 2, int(width * (1 - share)) // 2 * 2
        top, left = round((height - rows) * down), round((width - columns) * across)
        return [np.ascontiguousarray(f[top : top + rows, left : left + columns]) for f in frames], rate

    return change


def adjust_tone(gain: float = 1.0, lift: float = 0.0) -> Change:
    """Contrast times ``gain`` about middle grey, brightness raised by ``lift`` times the range."""
    levels = np.clip(np.rint((np.arange(256) - 128) * gain + 128 + 255 * lift), 0, 255).astype(np.uint8)

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        return [levels[frame] for frame in frames], rate

    return change


def change_frame_rate(share: Fraction) -> Change:
    """``share`` of the frames at ``share`` of the rate: 4/5 makes 30 frames a second 24."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        kept = [frames[int(index / share)] for index in range(int(len(frames) * share))]
        return kept, rate * share

    return change


def trim(seconds: float, place: float) -> Change:
    """``seconds`` of the clip: from its beginning at ``place`` 0, its end at 1."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        count = min(len(frames), round(seconds * rate))
        first = round((len(frames) - count) * place)
        return frames[first : first + count], rate

    return change


def refilm(factor: float = 1.37, blur: float = 1.0) -> Change:
    """As off a screen: shown larger, out of focus by ``blur`` pixels, and sampled back at another size."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        shown, _ = resize(factor)(frames, rate)
        soft = [np.asarray(cv2.GaussianBlur(frame, (0, 0), blur * factor), np.uint8) for frame in shown]
        return resize(0.9 / factor)(soft, rate)

    return change


def single_frame(place: float) -> Change:
    """One frame: the first at ``place`` 0, the last at 1."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        return [frames[round((len(frames) - 1) * place)]], rate

    return change


def _each(edit: Callable[[Image], Image]) -> Change:
    """The same edit of every frame."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        return [np.ascontiguousarray(edit(frame), np.uint8) for frame in frames], rate

    return change


mirror = _each(lambda frame: frame[:, ::-1])


def crop_to(ratio: float, across: float, down: float, height: float = 1.0) -> Change:
    """A window of ``ratio`` (width by height) around a place given in shares of the sides, as tall as ``height``."""

    def edit(frame: Image) -> Image:
        rows, columns = frame.shape[:2]
        wide = int(min(columns, height * rows * ratio)) // 2 * 2
        high = int(min(rows, wide / ratio)) // 2 * 2
        left, top = (
            int(np.clip(middle - side / 2, 0, whole - side))
            for middle, side, whole in ((across * columns, wide, columns), (down * rows, high, rows))
        )
        return frame[top : top + high, left : left + wide]

    return _each(edit)


def turn(degrees: float) -> Change:
    """Turned about the middle, anticlockwise, in a picture of the same size; black where nothing is shown."""

    def edit(frame: Image) -> Image:
        height, width = frame.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return np.asarray(cv2.warpAffine(frame, matrix, (width, height)), np.uint8)

    return _each(edit)


def stretch(across: float, down: float) -> Change:
    """Width times ``across`` and height times ``down``."""

    def edit(frame: Image) -> Image:
        size = int(frame.shape[1] * across) // 2 * 2, int(frame.shape[0] * down) // 2 * 2
        return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)

    return _each(edit)


def distort(share: float) -> Change:
    """As a screen filmed at an angle: corners moved inwards by up to ``share`` of the sides."""

    def edit(frame: Image) -> Image:
        height, width = frame.shape[:2]
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        moved = np.array([[share, share / 2], [1, 0], [1 - 0.3 * share, 1], [0, 1 - share]], np.float32)
        size = np.array([width, height], np.float32)
        matrix = cv2.getPerspectiveTransform(corners * size, moved * size)
        return np.asarray(cv2.warpPerspective(frame, matrix, (width, height)), np.uint8)

    return _each(edit)


def show_in_picture(share: float) -> Change:
    """Shown with sides of ``share`` in the lower right corner of another picture."""

    def edit(frame: Image) -> Image:
        height, width = frame.shape[:2]
        noise = np.random.default_rng(3).integers(0, 256, (9, 16, 3)).astype(np.uint8)
        around = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        wide, high = round(width * share), round(height * share)
        small = cv2.resize(frame, (wide, high), interpolation=cv2.INTER_AREA)
        around[height - high - 4 : height - 4, width - wide - 4 : width - 4] = small
        return around

    return _each(edit)


def add_borders(share: float) -> Change:
    """White borders of ``share`` of each side; the picture becomes smaller."""

    def edit(frame: Image) -> Image:
        height, width = frame.shape[:2]
        around = np.full_like(frame, 255)
        wide, high = round(width * (1 - 2 * share)), round(height * (1 - 2 * share))
        top, left = (height - high) // 2, (width - wide) // 2
        around[top : top + high, left : left + wide] = cv2.resize(frame, (wide, high), interpolation=cv2.INTER_AREA)
        return around

    return _each(edit)


def add_caption() -> Change:
    """Two lines of white text on black over the lower quarter."""

    def edit(frame: Image) -> Image:
        height, width = frame.shape[:2]
        shown = frame.copy()
        shown[int(0.75 * height) :] = 16
        for line, down in (("WHEN YOU SEE IT", 0.85), ("SEND IT TO SOMEBODY", 0.96)):
            place = width // 20, int(down * height)
            cv2.putText(
                shown, line, place, cv2.FONT_HERSHEY_DUPLEX, width / 500, (255,) * 3, max(1, width // 300), cv2.LINE_AA
            )
        return shown

    return _each(edit)


def add_sticker(across: float, down: float, share: float = 0.06) -> Change:
    """A yellow disc whose radius is ``share`` of the height."""

    def edit(frame: Image) -> Image:
        shown, (height, width) = frame.copy(), frame.shape[:2]
        place = int(across * width), int(down * height)
        cv2.circle(shown, place, int(share * height), (255, 220, 0), -1, cv2.LINE_AA)
        return shown

    return _each(edit)


def resize_to(height: int) -> Change:
    """Scaled to so many pixels of height."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        return resize(height / frames[0].shape[0])(frames, rate)

    return change


def blur(pixels: float) -> Change:
    """Blurred by a Gaussian."""
    return _each(lambda frame: np.asarray(cv2.GaussianBlur(frame, (0, 0), pixels), np.uint8))


def denoise(strength: float) -> Change:
    """Smoothed where it is even, edges kept."""
    return _each(lambda frame: np.asarray(cv2.bilateralFilter(frame, 7, strength, 5), np.uint8))


def only_inside(places: Sequence[Sequence[tuple[float, float, float]]], edit: Change) -> Change:
    """A change of frames inside of circles only: (x, y, radius) in pixels, of every frame."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        edited, at = edit(frames, rate)
        shown = []
        for frame, other, circles in zip(frames, edited, places, strict=False):
            mask = np.zeros(frame.shape[:2], np.uint8)
            for x, y, radius in circles:
                cv2.circle(mask, (round(x), round(y)), round(radius), 255, -1)
            shown.append(np.where(mask[..., None] > 0, other, frame))
        return shown, at

    return change


def change_speed(factor: float) -> Change:
    """``factor`` times as fast, at the same rate."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        return [frames[int(index * factor)] for index in range(int(len(frames) / factor))], rate

    return change


def chain(*changes: Change) -> Change:
    """One change after another."""

    def change(frames: list[Image], rate: Fraction) -> tuple[list[Image], Fraction]:
        for each in changes:
            frames, rate = each(frames, rate)
        return frames, rate

    return change


ATTACKS = (
    Attack("H.264 CRF 28", "H.264 CRF 28", crf=28),
    Attack("half size", "half size", resize(0.5)),
    Attack("H.264 CRF 33", "H.264 CRF 33", crf=33),
    Attack("half size, CRF 33", "half size, CRF 33", resize(0.5), crf=33),
    Attack("10 % cropped", "cropped 10-30 %", crop(0.1)),
    Attack("20 % cropped, off centre", "cropped 10-30 %", crop(0.2, 0.1, 0.9)),
    Attack("30 % cropped, off centre", "cropped 10-30 %", crop(0.3, 0.8, 0.3)),
    Attack("scaled 0.5", "scaled 0.5-1.5", resize(0.5)),
    Attack("scaled 0.73", "scaled 0.5-1.5", resize(0.73)),
    Attack("scaled 1.21", "scaled 0.5-1.5", resize(1.21)),
    Attack("scaled 1.5", "scaled 0.5-1.5", resize(1.5)),
    Attack("brightness +20 %", "brightness, contrast ±20 %", adjust_tone(lift=0.2)),
    Attack("brightness -20 %", "brightness, contrast ±20 %", adjust_tone(lift=-0.2)),
    Attack("contrast +20 %", "brightness, contrast ±20 %", adjust_tone(gain=1.2)),
    Attack("contrast -20 %", "brightness, contrast ±20 %", adjust_tone(gain=0.8)),
    Attack("4 of 5 frames", "30 to 24 frames/s", change_frame_rate(Fraction(4, 5))),
    Attack("first 2 s", "any 2 s", trim(2, 0.0)),
    Attack("middle 2 s", "any 2 s", trim(2, 0.5)),
    Attack("last 2 s", "any 2 s", trim(2, 1.0)),
    Attack("filmed off a screen", "filmed off a screen", refilm(), crf=28),
    Attack("GIF", "GIF, WebM", codec=GIF),
    Attack("WebM, VP8", "GIF, WebM", codec=VP8, crf=20),
    Attack("WebM, VP9", "GIF, WebM", codec=VP9, crf=34),
    Attack("HEVC CRF 28", "HEVC CRF 28", codec=HEVC, crf=28),
    Attack("first frame as JPEG 80", "one frame as JPEG 80", single_frame(0.0), codec=JPEG),
    Attack("a frame as JPEG 80", "one frame as JPEG 80", single_frame(0.61), codec=JPEG),
)


def _video(frames: Sequence[Image], rate: Fraction, stem: Path, codec: str, crf: int) -> Path:
    encoder, suffix, options = _CODECS[codec]
    path = stem.with_name(stem.name + suffix)
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {**options, "crf": str(crf)}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def _gif(frames: Sequence[Image], rate: Fraction, stem: Path) -> Path:
    """A GIF of 12.5 frames a second with one palette for all, dithered, as converters make it."""
    path = stem.with_name(stem.name + ".gif")
    step = max(1, round(rate / GIF_RATE))
    kept = frames[::step]
    height, width = kept[0].shape[:2]
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / GIF_RATE)
    split, made, used = graph.add("split"), graph.add("palettegen"), graph.add("paletteuse")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(used, 0, 0)
    split.link_to(made, 1, 0)
    made.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    for index, frame in enumerate(kept):
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture.pts, picture.time_base = index, 1 / GIF_RATE
        source.push(picture)
    source.push(None)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=GIF_RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        for _ in kept:
            shown = sink.pull()
            assert isinstance(shown, av.VideoFrame)
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return path


def _jpeg(frames: Sequence[Image], stem: Path) -> Path:
    path = stem.with_name(stem.name + ".jpg")
    data = cv2.imencode(".jpg", frames[0][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    path.write_bytes(data.tobytes())
    return path
