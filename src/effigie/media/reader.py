"""Reads the frames of a clip, one at a time."""

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

from effigie.errors import UsageError
from effigie.media import seeking
from effigie.media.clip import ClipInfo, Frame, Image
from effigie.media.config import FootageSettings
from effigie.media.container import (
    DamageCounter,
    check_picture_size,
    decode_frames,
    open_container,
    select_video_stream,
)
from effigie.media.fields import FieldOrder, deinterlace
from effigie.media.orientation import Orientation
from effigie.media.pictures.reader import is_picture, read_pictures
from effigie.media.pictures.sequence import is_sequence_name
from effigie.media.probe import make_storage_error, make_undecodable_error, note_own_rate, probe, read_clip_info
from effigie.media.samples.color import to_rgb
from effigie.media.samples.native_picture import NativePicture
from effigie.media.samples.pixel_layout import to_editable
from effigie.progress import format_count


class VideoReader:
    """Iterates the frames ``start`` to ``stop`` (excluded) of a clip, with memory independent of its length.

    A segment holds exactly the frames, indices, times and pixels that reading everything and discarding the
    rest would give. In a damaged file a packet that does not decode is skipped and counted in ``damaged_packets``;
    indices then count the frames that did decode.

    Args:
        path: a video, GIF, APNG, WebP, AVIF, picture, TIFF of several pages, or folder or pattern
            (``shot.####.exr``) of numbered pictures.
        threads: decoder threads. None leaves it to the codec (slices, without delay); 1 is right where other
            processes keep the cores busy; more decode several frames ahead.
        native: keep each picture as decoded beside the RGB, so that an edit leaves all else as it was.
        fields: give both fields of interlaced frames, as frames of the same index that share one ``native``; else
            the earlier one alone, as a whole picture.
        index: the clip's packets, from :meth:`~effigie.media.seeking.PacketIndex.read`, where the same clip is opened
            again and again; None lists them when ``start`` asks for it.
        footage: what a sequence of pictures does not say itself.

    Raises:
        MediaError: the clip cannot be read, or not one frame of it decodes.

    Example::

        with VideoReader("talk.mp4") as reader:
            for frame in reader:
                print(frame.index, float(frame.time), frame.image.shape)
    """

    def __init__(
        self,
        path: str | Path,
        start: int = 0,
        stop: int | None = None,
        threads: int | None = None,
        native: bool = False,
        fields: bool = False,
        index: seeking.PacketIndex | None = None,
        footage: FootageSettings | None = None,
    ) -> None:
        if start < 0 or (stop is not None and stop < start):
            raise UsageError(f"frames {start} to {stop} are no range: give 0 <= start <= stop")
        if threads is not None and threads < 1:
            raise UsageError(f"{threads} decoder threads: give 1 or more, or none for the codec's own choice")
        self.path = Path(path)
        self._start, self._stop, self._threads, self._index = start, stop, threads, index
        self._native, self._fields = native, fields
        self._footage = footage
        self._pictures = self.path.is_dir() or is_picture(self.path) or is_sequence_name(self.path)
        self._damage = DamageCounter()
        self._stack = contextlib.ExitStack()
        self._reformatter = VideoReformatter()
        self._orientation = Orientation()
        self.info = self._open()

    @property
    def damaged_packets(self) -> int:
        """Packets skipped so far because they do not decode."""
        return self._damage.packets

    @property
    def notes(self) -> list[str]:
        """Messages to the user about how the clip was read."""
        if not self.damaged_packets:
            return list(self.info.notes)
        return [
            *self.info.notes,
            f"{format_count(self.damaged_packets, 'damaged packet')} of {self.path} were skipped; some frames are "
            "missing or marred",
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._pictures:
            yield from read_pictures(self.info, self._start, self._stop, self._native, self._footage)
            return
        try:
            yield from self._read_video()
        except OSError as error:
            raise make_storage_error(self.path, error) from error

    def _open(self) -> ClipInfo:
        if self._pictures:
            return probe(self.path, self._footage)
        with open_container(self.path) as container:
            info, self._orientation = read_clip_info(container, self.path)
        return note_own_rate(info, self._footage)

    def _reopen(self) -> tuple[InputContainer, VideoStream]:
        self.close()
        container = self._stack.enter_context(open_container(self.path))
        stream = select_video_stream(container, self.path)
        if self._threads is not None:
            stream.thread_count = self._threads
            stream.thread_type = ThreadType.AUTO if self._threads > 1 else ThreadType.NONE
        return container, stream

    def _read_video(self) -> Iterator[Frame]:
        has_frames = False
        for index, frame, time in self._select_frames():
            has_frames = True
            if index is not None:
                yield from self._to_frames(frame, index, time)
        self.close()
        if not has_frames and (self._stop is None or self._stop > 0):
            raise make_undecodable_error(self.path)

    def _select_frames(self) -> Iterator[tuple[int | None, VideoFrame, Fraction]]:
        """Frames with their index, None for those before ``start``."""
        self._damage.packets = 0
        entry_point = None
        if self._start:
            entry_point = (self._index or seeking.PacketIndex.read(self.path)).find_entry_point(self._start)
        if entry_point is not None:
            container, stream = self._reopen()
            if seeking.seek(container, stream, entry_point):
                target = entry_point.target
                timed = self._decode_timed(container, stream, target)
                first = next((item for item in timed if item[0].pts is None or item[0].pts >= target), None)
                if first is not None and first[0].pts == target:
                    yield from self._enumerate_frames([first], self._start)
                    yield from self._enumerate_frames(timed, self._start + 1)
                    return
                self._damage.packets = 0
        container, stream = self._reopen()
        yield from self._enumerate_frames(self._decode_timed(container, stream), 0)

    def _enumerate_frames(
        self, timed: Iterable[tuple[VideoFrame, Fraction]], first: int
    ) -> Iterator[tuple[int | None, VideoFrame, Fraction]]:
        if self._stop is not None:
            timed = itertools.islice(timed, max(0, self._stop - first))
        for index, (frame, time) in enumerate(timed, first):
            yield (index if index >= self._start else None), frame, time

    def _decode_timed(
        self, container: InputContainer, stream: VideoStream, target: int | None = None
    ) -> Iterator[tuple[VideoFrame, Fraction]]:
        """Decoded frames with exact times; where the container gives none, the last plus its duration."""
        tick = self.info.time_base
        step = 1 / self.info.rate if self.info.rate else tick
        following = Fraction(0)
        for frame in decode_frames(container, stream, self._damage, target):
            time = frame.pts * tick if frame.pts is not None else following
            following = time + (frame.duration * tick if frame.duration else step)
            yield frame, time

    def _to_frames(self, frame: VideoFrame, index: int, time: Fraction) -> Iterator[Frame]:
        """The frame; if its fields are wanted, both of them, the earlier first."""
        check_picture_size(frame.width, frame.height, self.path)
        duration = frame.duration * self.info.time_base if frame.duration else None
        order = self.info.field_order
        if order == "progressive":
            native = self._keep(frame, order) if self._native else None
            yield Frame(self._show(frame), index, time, duration, native, native)
            return
        frame = to_editable(frame)
        native = self._keep(frame, order) if self._native and self._fields else None
        step = (duration or (1 / self.info.rate if self.info.rate else self.info.time_base)) / 2
        for number, parity in enumerate((0, 1) if order == "top" else (1, 0)):
            picture = deinterlace(frame, parity)
            image_native = self._keep(picture, "progressive") if self._native else None
            if not self._fields:
                yield Frame(self._show(picture), index, time, duration, image_native, image_native)
                return
            field_time = time + number * step
            yield Frame(self._show(picture), index, field_time, duration and step, native, image_native, parity)

    def _show(self, frame: VideoFrame) -> Image:
        size = self._orientation.turn_size(self.info.width, self.info.height)
        return self._orientation.apply(to_rgb(frame, self.info.color, size, self._reformatter))

    def _keep(self, frame: VideoFrame, order: FieldOrder) -> NativePicture:
        size = self.info.file_size or self._orientation.turn_size(self.info.width, self.info.height)
        if (frame.width, frame.height) != size:  # a stream that changes its size on the way
            frame = VideoReformatter().reformat(frame, width=size[0], height=size[1], threads=1)
        info = self.info
        display = info.width, info.height
        return NativePicture(frame, info.color, self._orientation, display, order, info.chroma_location)
