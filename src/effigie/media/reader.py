"""Frames of a clip, one at a time."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from effigie.errors import MediaError, UsageError
from effigie.media import seeking
from effigie.media.clip import ClipInfo, Frame
from effigie.media.color import to_rgb
from effigie.media.container import check_size, opened, picture_stream, reason
from effigie.media.decoder import Damage, decoded
from effigie.media.images import is_picture, pictures_of
from effigie.media.orientation import Orientation
from effigie.media.probe import describe, probe, undecodable


class Reader:
    """Iterates the frames ``start`` to ``stop`` (excluded) of a clip, with memory independent of its length.

    A segment holds exactly the frames, indices, times and pixels that reading everything and discarding the
    rest would give. In a damaged file a packet that does not decode is skipped and counted in ``damaged``;
    indices then count the frames that did decode.

    Args:
        path: a video, GIF, APNG, WebP, picture, or folder of numbered pictures.
        start: index of the first frame.
        stop: index after the last frame; None reads to the end.
        threads: decoder threads. None leaves it to the codec (slices, without delay); 1 is right where other
            processes keep the cores busy; more decode several frames ahead.

    Raises:
        MediaError: the clip cannot be read, or not one frame of it decodes.
        UsageError: ``start`` or ``stop`` is negative or they cross.

    Example::

        with Reader("talk.mp4") as reader:
            for frame in reader:
                print(frame.index, float(frame.time), frame.image.shape)
    """

    def __init__(
        self, path: str | Path, start: int = 0, stop: int | None = None, threads: int | None = None
    ) -> None:
        if start < 0 or (stop is not None and stop < start):
            raise UsageError(f"frames {start} to {stop} are no range: give 0 <= start <= stop")
        if threads is not None and threads < 1:
            raise UsageError(f"{threads} decoder threads: give 1 or more, or none for the codec's own choice")
        self.path = Path(path)
        self._start, self._stop, self._threads = start, stop, threads
        self._pictures = self.path.is_dir() or is_picture(self.path)
        self._damage = Damage()
        self._stack = contextlib.ExitStack()
        self._reformatter = VideoReformatter()
        self._container: InputContainer | None = None
        self._turn = Orientation()
        self.info = self._open()

    @property
    def damaged(self) -> int:
        """Packets skipped so far because they do not decode."""
        return self._damage.packets

    @property
    def notes(self) -> list[str]:
        """What a user should know about how the clip was read."""
        if not self.damaged:
            return []
        return [
            f"{self.damaged} damaged packets of {self.path} were skipped; some frames are missing or marred"
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()
        self._container = None

    def __iter__(self) -> Iterator[Frame]:
        if self._pictures:
            yield from pictures_of(self.info, self._start, self._stop)
            return
        try:
            yield from self._video()
        except OSError as error:
            raise MediaError(
                f"reading {self.path} failed ({reason(error)}): check the disk or copy the file again"
            ) from error

    def _open(self) -> ClipInfo:
        if self._pictures:
            return probe(self.path)
        with opened(self.path) as container:
            info, self._turn = describe(container, self.path)
        return info

    def _fresh(self) -> tuple[InputContainer, VideoStream]:
        self.close()
        container = self._container = self._stack.enter_context(opened(self.path))
        stream = picture_stream(container, self.path)
        if self._threads is not None:
            stream.thread_count = self._threads
            stream.thread_type = ThreadType.AUTO if self._threads > 1 else ThreadType.NONE
        return container, stream

    def _video(self) -> Iterator[Frame]:
        found = False
        for index, frame, time in self._wanted():
            found = True
            if index is not None:
                yield self._converted(frame, index, time)
        self.close()
        if not found and (self._stop is None or self._stop > 0):
            raise undecodable(self.path)

    def _wanted(self) -> Iterator[tuple[int | None, VideoFrame, Fraction]]:
        """Frames with their index, None for those before ``start``."""
        self._damage.packets = 0
        to = seeking.entry(self.path, self._start) if self._start else None
        if to is not None:
            container, stream = self._fresh()
            if seeking.seek(container, stream, to):
                timed = self._timed(container, stream)
                first = next(
                    (item for item in timed if item[0].pts is None or item[0].pts >= to.target), None
                )
                if first is not None and first[0].pts == to.target:
                    yield from self._numbered([first], self._start)
                    yield from self._numbered(timed, self._start + 1)
                    return
                self._damage.packets = 0
        container, stream = self._fresh()
        yield from self._numbered(self._timed(container, stream), 0)

    def _numbered(
        self, timed: Iterable[tuple[VideoFrame, Fraction]], first: int
    ) -> Iterator[tuple[int | None, VideoFrame, Fraction]]:
        if self._stop is not None:
            timed = itertools.islice(timed, max(0, self._stop - first))
        for index, (frame, time) in enumerate(timed, first):
            yield (index if index >= self._start else None), frame, time

    def _timed(self, container: InputContainer, stream: VideoStream) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Decoded frames with exact times; where the container gives none, the last plus its duration."""
        tick = self.info.time_base
        step = 1 / self.info.rate if self.info.rate else tick
        following = Fraction(0)
        for frame in decoded(container, stream, self._damage):
            time = frame.pts * tick if frame.pts is not None else following
            following = time + (frame.duration * tick if frame.duration else step)
            yield frame, time

    def _converted(self, frame: VideoFrame, index: int, time: Fraction) -> Frame:
        check_size(frame.width, frame.height, self.path)
        width, height = self.info.width, self.info.height
        stored = (height, width) if self._turn.transposes else (width, height)
        image = to_rgb(frame, self.info.color, stored, self._reformatter)
        duration = frame.duration * self.info.time_base if frame.duration else None
        return Frame(self._turn.upright(image), index, time, duration)
