"""Copies audio and subtitle streams into an output: the same bytes at the same times."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream

from effigie.media.container import open_container

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
AAC_BITS_PER_CHANNEL = 96_000  # bits a second; generous, since the sound was encoded once already

# Vorbis goes into MP4 under FFmpeg's private identifier, and hardly a player finds it there. The others are
# listed for MOV and then refused.
UNSUPPORTED_CODECS = {"mp4": {"vorbis"}, "mov": {"flac", "opus", "truehd"}}

COPIED_TAGS = ("language", "title", "handler_name")

TimeSpan = tuple[Fraction, Fraction | None]
"""Seconds on the clip's clock: from, and up to but not including (None: to the end)."""


class StreamCopier:
    """Muxes the sound and subtitle packets of ``path`` into ``output`` as its video advances.

    Nothing is held but the packet at hand. Streams that the output cannot hold are re-encoded (sound, to AAC)
    or left out (subtitles), and ``notes`` says so.

    Args:
        origin: time of the input that becomes 0 in the output, seconds.
    """

    def __init__(
        self, path: Path, output: OutputContainer, origin: Fraction, span: TimeSpan | None, notes: list[str]
    ) -> None:
        self._output, self._origin, self._span, self._notes = output, origin, span, notes
        with contextlib.ExitStack() as stack:
            container = stack.enter_context(open_container(path))
            self._sinks = self._create_sinks(container)
            self._copy_tags(container)
            for stream in container.streams:
                if stream.index not in self._sinks:
                    stream.discard = Discard.all
            streams = [stream for stream in container.streams if stream.index in self._sinks]
            self._packets = container.demux(streams) if streams else iter(())
            self._next: Packet | None = next(self._packets, None)
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
            try:
                self._next = next(self._packets, None)
            except FFmpegError:
                self._notes.append("the sound breaks off where the input is damaged")
                self._next = None

    def finalize(self) -> None:
        """Mux the rest."""
        self.advance(None)
        for sink in self._sinks.values():
            sink.finalize()

    def close(self) -> None:
        self._stack.close()

    def _is_in_span(self, packet: Packet) -> bool:
        start_time = _packet_time(packet)
        if self._span is None or start_time is None:
            return True
        start, stop = self._span
        end_time = start_time + (packet.duration or 0) * packet.time_base
        return (end_time > start or start_time >= start) and (stop is None or start_time < stop)

    def _create_sinks(self, container: InputContainer) -> dict[int, _StreamCopy | _AudioReencoder]:
        sinks: dict[int, _StreamCopy | _AudioReencoder] = {}
        left_out = 0
        for stream in container.streams:
            if stream.type not in ("audio", "subtitle"):
                left_out += stream.type in ("data", "attachment")
                continue
            if (sink := self._create_sink(stream)) is not None:
                sinks[stream.index] = sink
        if left_out:
            self._notes.append(f"{left_out} streams that are neither picture, sound nor text were left out")
        return sinks

    def _create_sink(self, stream: Stream) -> _StreamCopy | _AudioReencoder | None:
        kind = "sound" if stream.type == "audio" else "subtitles"
        if stream.codec_context is None or stream.time_base is None:
            self._notes.append(f"{kind} of an unknown codec was left out")
            return None
        codec = stream.codec_context.codec.canonical_name
        formats = self._output.format.name
        names = {stream.codec_context.codec.name, codec}
        if names & self._output.supported_codecs and codec not in UNSUPPORTED_CODECS.get(formats, ()):
            copy = self._output.add_stream_from_template(stream)
            return _StreamCopy(self._output, _copy_tags_and_disposition(copy, stream), -self._origin)
        if isinstance(stream, AudioStream):
            self._notes.append(f"sound re-encoded to AAC because {formats.upper()} cannot hold {codec}")
            return _AudioReencoder(self._output, stream, -self._origin, self._notes)
        self._notes.append(f"subtitles left out because {formats.upper()} cannot hold {codec}: write .mkv to keep them")
        return None

    def _copy_tags(self, container: InputContainer) -> None:
        """Title, date and the like, and chapters; what describes the old file's format stays behind."""
        stale = {"encoder", "major_brand", "minor_version", "compatible_brands"}
        tags = {key: value for key, value in container.metadata.items() if key.lower() not in stale}
        self._output.metadata.update(tags)
        if (chapters := container.chapters()) and not self._origin and self._span is None:
            self._output.set_chapters(chapters)


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


class _AudioReencoder:
    """Re-encodes sound as AAC, at the same times."""

    def __init__(self, output: OutputContainer, source: AudioStream, offset: Fraction, notes: list[str]) -> None:
        context: AudioCodecContext = source.codec_context
        rate = context.sample_rate if context.sample_rate in AAC_RATES else 48000
        self._source, self._output, self._offset, self._notes = source, output, offset, notes
        self._stream = output.add_stream("aac", rate=rate)
        self._stream.codec_context.layout = context.layout.name
        self._stream.codec_context.bit_rate = AAC_BITS_PER_CHANNEL * context.channels
        _copy_tags_and_disposition(self._stream, source)
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


def _copy_tags_and_disposition(stream: Stream, source: Stream) -> Stream:
    for key in COPIED_TAGS:
        if key in source.metadata:
            stream.metadata[key] = source.metadata[key]
    stream.disposition = source.disposition
    return stream


def _packet_time(packet: Packet) -> Fraction | None:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None else ticks * packet.time_base
