"""Copies sound, subtitles, attachments and data into an output: the same bytes at the same times."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream
from av.subtitles.stream import SubtitleStream

from effigie.media import defaults
from effigie.media.container import open_container, select_video_stream
from effigie.media.output.stream_plan import AAC_RATES, StreamPlan, add_copy, copy_tags, list_stream_notes, plan_streams
from effigie.media.output.subtitle_text import ASS_HEADER, read_text, write_text

if TYPE_CHECKING:
    from av.container.core import Chapter

AAC_BITS_PER_CHANNEL = 96_000  # bits a second; generous, since the sound was encoded once already
TEXT_TICK = Fraction(1, 1000)  # seconds, of rewritten subtitles
STALE_TAGS = {
    *("encoder", "major_brand", "minor_version", "compatible_brands", "timecode", "reel_name"),
    *("operational_pattern_ul", "uid", "generation_uid", "product_uid", "toolkit_version_num"),
    *("material_package_umid", "product_version_num", "application_platform"),
}
"""What describes the old file's format, and what is written in its own way."""

TimeSpan = tuple[Fraction, Fraction | None]
"""Seconds on the clip's clock: from, and up to but not including (None: to the end)."""


class StreamCopier:
    """Muxes the sound and subtitle packets of ``path`` into ``output`` as its video advances.

    Nothing is held but the packet at hand. Streams that the output cannot hold are re-encoded (sound, to AAC)
    or left out (subtitles), and ``notes`` says so.

    Args:
        origin: time of the input that becomes 0 in the output, seconds.
        keep_sound: whether the sound is carried over, or subtitles and the like alone.
    """

    def __init__(
        self,
        path: Path,
        output: OutputContainer,
        origin: Fraction,
        span: TimeSpan | None,
        notes: list[str],
        keep_sound: bool = True,
    ) -> None:
        self._output, self._origin, self._span, self._notes = output, origin, span, notes
        plans = [plan for plan in plan_file_streams(path, output.format.name) if keep_sound or plan.kind != "audio"]
        notes.extend(note for note in list_stream_notes(plans) if note not in notes)
        with contextlib.ExitStack() as stack:
            container = stack.enter_context(open_container(path))
            self._sinks = dict(self._create_sinks(container, plans))
            self._copy_tags(container)
            for stream in container.streams:
                if stream.index not in self._sinks:
                    stream.discard = Discard.all
            streams = [stream for stream in container.streams if stream.index in self._sinks]
            self._packets = container.demux(streams) if streams else iter(())
            self._next: Packet | None = self._read_packet()
            self.start_time = _packet_time(self._next) if self._next is not None else None
            """Time of the first packet on the input's clock, seconds."""
            self._stack = stack.pop_all()

    def advance(self, end: Fraction | None) -> None:
        """Mux everything that begins before ``end`` (seconds in the output; None: all there is)."""
        while self._next is not None:
            start_time = _packet_time(self._next)
            if end is not None and start_time is not None and start_time - self._origin >= end:
                return
            if self._next.size and self._is_in_span(self._next):
                self._sinks[self._next.stream.index].write(self._next)
            self._next = self._read_packet()

    def finalize(self) -> None:
        """Mux the rest."""
        self.advance(None)
        for sink in self._sinks.values():
            sink.finalize()

    def close(self) -> None:
        self._stack.close()

    def _read_packet(self) -> Packet | None:
        try:
            return next(self._packets, None)
        except FFmpegError:
            self._notes.append("the sound breaks off where the input is damaged")
            return None

    def _is_in_span(self, packet: Packet) -> bool:
        start_time = _packet_time(packet)
        if self._span is None or start_time is None:
            return True
        start, stop = self._span
        end_time = start_time + (packet.duration or 0) * packet.time_base
        return (end_time > start or start_time >= start) and (stop is None or start_time < stop)

    def _create_sinks(self, container: InputContainer, plans: list[StreamPlan]) -> Iterator[tuple[int, _Sink]]:
        for plan in plans:
            stream = container.streams[plan.index]
            if plan.action == "copy":
                copy = add_copy(self._output, stream, plan.layout)
                if plan.kind != "attachment":  # which is written with the header
                    yield plan.index, _StreamCopy(self._output, copy, -self._origin)
            elif plan.action == "encode":
                assert isinstance(stream, AudioStream)
                yield plan.index, _AudioReencoder(self._output, stream, plan, -self._origin, self._notes)
            elif plan.action == "convert":
                yield plan.index, _TextConverter(self._output, stream, plan, -self._origin)

    def _copy_tags(self, container: InputContainer) -> None:
        """Title, date and the like, and chapters; what describes the old file's format stays behind."""
        tags = {key: value for key, value in container.metadata.items() if key.lower() not in STALE_TAGS}
        self._output.metadata.update(tags)
        if chapters := list(_shift_chapters(container, self._origin, self._span)):
            self._output.set_chapters(chapters)


def plan_file_streams(path: Path, output_format: str) -> list[StreamPlan]:
    """Plan the streams of a clip that are not its picture, for an output of ``output_format``."""
    with open_container(path) as container:
        return plan_streams(container, output_format, select_video_stream(container, path).index)


def _shift_chapters(container: InputContainer, origin: Fraction, span: TimeSpan | None) -> Iterator[Chapter]:
    """The chapters that the span touches, on the output's clock."""
    for chapter in container.chapters():
        tick = chapter["time_base"] or Fraction(1)
        start, end = chapter["start"] * tick, chapter["end"] * tick
        if span is not None:
            start = max(start, span[0])
            end = end if span[1] is None else min(end, span[1])
            if start >= end:
                continue
        first = max(0, round((start - origin) / tick))
        yield {**chapter, "start": first, "end": max(first, round((end - origin) / tick))}


class _Sink(Protocol):
    """Takes the packets of one stream."""

    def write(self, packet: Packet) -> None: ...

    def finalize(self) -> None: ...


@dataclass
class _StreamCopy:
    """Copies packets, with times moved by a whole number of ticks."""

    output: OutputContainer
    stream: Stream
    offset: Fraction
    _next_dts: int | None = None

    def write(self, packet: Packet) -> None:
        if packet.dts is None:  # some containers time only every few packets
            packet.dts = packet.pts if packet.pts is not None else self._next_dts
        if packet.pts is None:
            packet.pts = packet.dts
        if packet.pts is None or packet.dts is None:
            return
        self._next_dts = packet.dts + (packet.duration or 0)
        ticks = round(self.offset / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        packet.stream = self.stream
        self.output.mux(packet)

    def finalize(self) -> None:
        """Nothing is buffered."""


_EXACT = {"alac": ("s16p", "s32p"), "flac": ("s16", "s32")}
"""Sample formats of lossless encoders, of up to 16 bits and of more."""


class _AudioReencoder:
    """Re-encodes sound, at the same times."""

    def __init__(
        self, output: OutputContainer, source: AudioStream, plan: StreamPlan, offset: Fraction, notes: list[str]
    ) -> None:
        context: AudioCodecContext = source.codec_context
        assert plan.target is not None and plan.layout is not None
        rate = defaults.choose_sample_rate(context.sample_rate)
        if plan.target == "aac" and rate not in AAC_RATES:
            rate = defaults.SAMPLE_RATE
        # The decoder would hand on frames without a layout, which no encoder and no resampler takes.
        if context.layout.name != plan.layout:
            context.layout = plan.layout
        self._source, self._output, self._offset, self._notes = source, output, offset, notes
        stream = output.add_stream(plan.target, rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = plan.layout
        if plan.target == "aac":
            stream.codec_context.bit_rate = AAC_BITS_PER_CHANNEL * context.channels
        else:
            stream.codec_context.format = _EXACT[plan.target][context.format.name.startswith("s32")]
        self._stream = stream
        copy_tags(self._stream, source)
        self._damaged = False

    def write(self, packet: Packet) -> None:
        try:
            frames = self._source.decode(packet)
        except FFmpegError:
            if not self._damaged:
                self._notes.append("damaged sound was skipped")
            self._damaged = True
            return
        self._encode(frames)

    def finalize(self) -> None:
        self._encode(self._source.decode(None))
        self._output.mux(self._stream.encode(None))

    def _encode(self, frames: list) -> None:
        for frame in frames:
            if frame.pts is not None and frame.time_base:
                frame.pts += round(self._offset / frame.time_base)
            self._output.mux(self._stream.encode(frame))


class _TextConverter:
    """Rewrites text subtitles for the other container."""

    def __init__(self, output: OutputContainer, source: Stream, plan: StreamPlan, offset: Fraction) -> None:
        assert plan.target is not None
        self._output, self._plan, self._offset = output, plan, offset
        if plan.target == "mov_text":
            stream: Stream = output.add_stream(plan.target)
            assert isinstance(stream, SubtitleStream)
            stream.codec_context.subtitle_header = ASS_HEADER
        else:
            stream = output.add_mux_stream(plan.target)
        stream.time_base = TEXT_TICK
        copy_tags(stream, source)
        self._stream = stream

    def write(self, packet: Packet) -> None:
        text = read_text(bytes(packet), self._plan.codec)
        if not text or packet.pts is None:  # MP4 writes an empty text where nothing is shown
            return
        copy = av.Packet(write_text(text, self._plan.target or ""))
        copy.stream, copy.time_base = self._stream, TEXT_TICK
        copy.pts = copy.dts = round((packet.pts * packet.time_base + self._offset) / TEXT_TICK)
        copy.duration = round((packet.duration or 0) * packet.time_base / TEXT_TICK)
        self._output.mux(copy)

    def finalize(self) -> None:
        """Nothing is buffered."""


def _packet_time(packet: Packet) -> Fraction | None:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None else ticks * packet.time_base
