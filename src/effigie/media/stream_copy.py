"""Sound and subtitles that ride along with new pictures: the same bytes at the same times, streamed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Stream

from effigie.media.container import opened

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
AAC_BITS_PER_CHANNEL = 96_000
"""Bits a second; generous, since the sound was encoded once already."""

# Vorbis goes into MP4 under FFmpeg's private identifier, and hardly a player finds it there. The others are
# listed for MOV and then refused.
UNFIT = {"mp4": {"vorbis"}, "mov": {"flac", "opus", "truehd"}}

KEPT_TAGS = ("language", "title", "handler_name")

Span = tuple[Fraction, Fraction | None]
"""Seconds on the clip's clock: from, and up to but not including (None: to the end)."""


class _Seat(Protocol):
    """Where the packets of one input stream go."""

    def take(self, packet: Packet) -> None: ...

    def finish(self) -> None: ...


class Passengers:
    """Sound and subtitle packets of ``path``, muxed into ``output`` as its video advances.

    Nothing is held but the packet at hand. Streams that the output cannot hold are re-encoded (sound, to AAC)
    or left out (subtitles), and ``notes`` says so.

    Args:
        origin: time of the input that becomes 0 in the output, seconds.
        span: what to carry; None carries everything.
    """

    def __init__(
        self, path: Path, output: OutputContainer, origin: Fraction, span: Span | None, notes: list[str]
    ) -> None:
        self._stack = contextlib.ExitStack()
        self._span = span
        self._output = output
        self._origin = origin
        self._notes = notes
        with contextlib.ExitStack() as stack:
            container = stack.enter_context(opened(path))
            self._seats = self._seated(container)
            self._copy_tags(container)
            for stream in container.streams:
                if stream.index not in self._seats:
                    stream.discard = Discard.all
            streams = [stream for stream in container.streams if stream.index in self._seats]
            self._packets = container.demux(streams) if streams else iter(())
            self._next: Packet | None = next(self._packets, None)
            self.begins = _begins(self._next) if self._next is not None else None
            """Time of the first packet on the input's clock, seconds."""
            self._stack = stack.pop_all()

    def advance(self, until: Fraction | None) -> None:
        """Mux everything that begins before ``until`` (seconds in the output; None: all there is)."""
        while self._next is not None:
            begins = _begins(self._next)
            if until is not None and begins is not None and begins - self._origin >= until:
                return
            if self._next.size and self._wanted(self._next):
                self._seats[self._next.stream.index].take(self._next)
            try:
                self._next = next(self._packets, None)
            except FFmpegError:
                self._notes.append("the sound breaks off where the input is damaged")
                self._next = None

    def finish(self) -> None:
        """Mux the rest."""
        self.advance(None)
        for seat in self._seats.values():
            seat.finish()

    def close(self) -> None:
        self._stack.close()

    def _wanted(self, packet: Packet) -> bool:
        begins = _begins(packet)
        if self._span is None or begins is None:
            return True
        start, stop = self._span
        ends = begins + (packet.duration or 0) * packet.time_base
        return (ends > start or begins >= start) and (stop is None or begins < stop)

    def _seated(self, container: InputContainer) -> dict[int, _Seat]:
        seats: dict[int, _Seat] = {}
        left_out = 0
        for stream in container.streams:
            if stream.type not in ("audio", "subtitle"):
                left_out += stream.type in ("data", "attachment")
                continue
            seat = self._seat(stream)
            if seat is not None:
                seats[stream.index] = seat
        if left_out:
            self._notes.append(f"{left_out} streams that are neither picture, sound nor text were left out")
        return seats

    def _seat(self, stream: Stream) -> _Seat | None:
        kind = "sound" if stream.type == "audio" else "subtitles"
        if stream.codec_context is None or stream.time_base is None:
            self._notes.append(f"{kind} of an unknown codec was left out")
            return None
        codec = stream.codec_context.codec.canonical_name
        formats = self._output.format.name
        if self._holds(stream) and codec not in UNFIT.get(formats, ()):
            copy = self._output.add_stream_from_template(stream)
            return _Copied(self._output, _tagged(copy, stream), -self._origin)
        if isinstance(stream, AudioStream):
            self._notes.append(f"sound re-encoded to AAC because {formats.upper()} cannot hold {codec}")
            return _Reencoded(self._output, stream, -self._origin, self._notes)
        self._notes.append(
            f"subtitles left out because {formats.upper()} cannot hold {codec}: write .mkv to keep them"
        )
        return None

    def _holds(self, stream: Stream) -> bool:
        codec = stream.codec_context.codec
        return bool({codec.name, codec.canonical_name} & self._output.supported_codecs)

    def _copy_tags(self, container: InputContainer) -> None:
        """Title, date and the like, and chapters; what describes the old file's format stays behind."""
        stale = {"encoder", "major_brand", "minor_version", "compatible_brands"}
        tags = {key: value for key, value in container.metadata.items() if key.lower() not in stale}
        self._output.metadata.update(tags)
        if (chapters := container.chapters()) and not self._origin and self._span is None:
            self._output.set_chapters(chapters)


@dataclass
class _Copied:
    """The same payload; times moved by a whole number of ticks."""

    output: OutputContainer
    stream: Stream
    shift: Fraction
    _due: int | None = None

    def take(self, packet: Packet) -> None:
        if packet.dts is None:  # some containers time only every few packets
            packet.dts = packet.pts if packet.pts is not None else self._due
        if packet.pts is None:
            packet.pts = packet.dts
        if packet.pts is None or packet.dts is None:
            return
        self._due = packet.dts + (packet.duration or 0)
        ticks = round(self.shift / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        packet.stream = self.stream
        self.output.mux(packet)

    def finish(self) -> None:
        """A copy has nothing in hand."""


class _Reencoded:
    """Sound decoded and encoded again as AAC, at the same times."""

    def __init__(
        self, output: OutputContainer, source: AudioStream, shift: Fraction, notes: list[str]
    ) -> None:
        context: AudioCodecContext = source.codec_context
        rate = context.sample_rate if context.sample_rate in AAC_RATES else 48000
        self._source, self._output, self._shift, self._notes = source, output, shift, notes
        self._stream = output.add_stream("aac", rate=rate)
        self._stream.codec_context.layout = context.layout.name
        self._stream.codec_context.bit_rate = AAC_BITS_PER_CHANNEL * context.channels
        _tagged(self._stream, source)
        self._damaged = False

    def take(self, packet: Packet) -> None:
        try:
            frames = self._source.decode(packet)
        except FFmpegError:
            if not self._damaged:
                self._notes.append("damaged sound was skipped")
            self._damaged = True
            return
        self._encode(frames)

    def finish(self) -> None:
        self._encode(self._source.decode(None))
        self._output.mux(self._stream.encode(None))

    def _encode(self, frames: list) -> None:
        for frame in frames:
            if frame.pts is not None and frame.time_base:
                frame.pts += round(self._shift / frame.time_base)
            self._output.mux(self._stream.encode(frame))


def _tagged(stream: Stream, source: Stream) -> Stream:
    for key in KEPT_TAGS:
        if key in source.metadata:
            stream.metadata[key] = source.metadata[key]
    stream.disposition = source.disposition
    return stream


def _begins(packet: Packet) -> Fraction | None:
    ticks = packet.dts if packet.dts is not None else packet.pts
    return None if ticks is None else ticks * packet.time_base
