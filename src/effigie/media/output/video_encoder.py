"""Encodes a video file, and muxes the copied sound and subtitles."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags, ThreadType
from av.error import FFmpegError
from av.packet import Packet
from av.video.format import VideoFormat
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from effigie.io.atomic_write import discard
from effigie.media.clip import ClipInfo, Image
from effigie.media.config import EncodeSettings
from effigie.media.orientation import Orientation
from effigie.media.output.encoders import (
    ENCODERS,
    PROGRESSIVE_CODECS,
    build_options,
    choose_codec,
    describe_light,
    explain_field_loss,
    list_dynamic_metadata,
)
from effigie.media.output.stream_copy import StreamCopier, TimeSpan
from effigie.media.pictures.reader import SEQUENCE_RATE
from effigie.media.samples.color import write_color, write_frame_color
from effigie.media.samples.native_convert import extend_edges, to_frame
from effigie.media.samples.native_picture import NativePicture
from effigie.media.samples.pixel_formats import choose_pixel_format, describe_losses
from effigie.media.samples.scene_picture import as_display
from effigie.media.sound.track import SoundStream, SoundTrack
from effigie.media.timecode import explain_timecode_loss, write_timecode

OUTPUT_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
MATROSKA_TICK = Fraction(1, 1000)
MAX_TIMESCALE = 2**31 - 1


def compute_padding(
    codec: str, pixel_format: str, height: int, width: int, interlaced: bool = False
) -> tuple[int, int]:
    """Rows and columns to add: 4:2:0 has one colour sample for 2x2 pixels, and crops in steps of two; of each field."""
    if not ENCODERS[codec].needs_even_sides:
        return 0, 0
    chroma = VideoFormat(pixel_format, 16, 16)
    rows, columns = 16 // chroma.chroma_height(16), 16 // chroma.chroma_width(16)
    return -height % (rows * (2 if interlaced else 1)), -width % columns


def describe_padding(codec: str, pixel_format: str, size: tuple[int, int], padding: tuple[int, int]) -> str:
    """What a user should know of the rows and columns that are added to a picture of ``size`` (height, width)."""
    (height, width), (rows, columns) = size, padding
    return (
        f"{width}x{height} was extended to {width + columns}x{height + rows} by repeating "
        f"the edge, because {pixel_format} needs even sides; PNG frames (--frames-to) keep odd ones"
    )


class VideoEncoder:
    """Encodes frames to ``temporary``; the size is that of the first frame, the clock that of ``source_info``.

    ``sound`` stands in place of the clip's own.
    """

    def __init__(
        self,
        temporary: Path,
        source_info: ClipInfo,
        settings: EncodeSettings,
        span: TimeSpan | None,
        notes: list[str],
        sound: SoundStream | None = None,
    ) -> None:
        self._path, self._source_info, self._settings = temporary, source_info, settings
        self._span, self._notes, self._sound = span, notes, sound
        self._origin = span[0] if span else source_info.clock_origin
        self._tick = source_info.time_base
        self._format = OUTPUT_FORMATS[temporary.suffix.lower()]
        self._codec = choose_codec(settings, source_info, self._format)
        self._pixel_format = choose_pixel_format(ENCODERS[self._codec], source_info, settings.pixel_format)
        self._matroska = self._format == "matroska"
        self._output: av.container.OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._stream_copier: StreamCopier | None = None
        self._sound_track: SoundTrack | None = None
        self._reformatter = VideoReformatter()
        self._last: int | None = None
        self._count = 0
        self._durations: dict[int, int] = {}
        self._padding = (0, 0)

    def write(self, picture: Image | NativePicture, time: Fraction, duration: Fraction | None) -> None:
        """Encode one picture, (H, W, 3) uint8 RGB or as decoded, shown at ``time`` on the clock of ``source_info``."""
        native = picture
        if not isinstance(native, NativePicture):
            native = NativePicture.from_rgb(native, self._source_info.color)
        native = as_display(native)
        if self._stream is None:
            self._open_output(native, time)
        assert self._stream is not None
        if native.is_transparent() and not self._has_alpha:
            self._note(
                f"what is transparent was laid over black because {self._codec} holds no transparency: --codec prores "
                "(.mov) or ffv1 (.mkv) keeps it"
            )
        frame = to_frame(native, self._pixel_format, self._source_info.color, self._reformatter)
        if any(self._padding):
            frame = extend_edges(frame, *self._padding)
        write_frame_color(frame, self._source_info.color)
        frame.pict_type = 0  # decoded ones say what they were, and encoders would obey
        frame.duration = 0
        frame.pts, frame.time_base = self._to_ticks(time), self._tick
        if duration:
            self._durations[frame.pts] = max(1, round(duration / self._tick))
        self._count += 1
        self._mux(self._stream.encode(frame))

    def finalize(self) -> None:
        """Flush the encoder, carry the rest of the sound, write the index."""
        assert self._stream is not None and self._output is not None
        self._mux(self._stream.encode(None))
        if self._sound_track is not None:
            self._sound_track.finalize()
        if self._stream_copier is not None:
            self._stream_copier.finalize()
            self._stream_copier.close()
        self._output.close()

    def abort(self) -> None:
        """Close without completing the file; the caller removes it."""
        discard(self._path)  # first, so that closing does not spend minutes moving the index of a doomed file
        with contextlib.suppress(FFmpegError, OSError):
            if self._stream_copier is not None:
                self._stream_copier.close()
            if self._output is not None:
                self._output.close()

    def _open_output(self, picture: NativePicture, first: Fraction) -> None:
        source_info, settings = self._source_info, self._settings
        ticks = (first - self._origin) / self._tick
        self._tick = Fraction(self._tick.numerator, self._tick.denominator * ticks.denominator)
        self._output = av.open(
            f"file:{self._path.absolute()}", "w", format=self._format, container_options=self._options()
        )
        rate = (source_info.rate or SEQUENCE_RATE).limit_denominator(100_000)
        stream = self._output.add_stream(
            ENCODERS[self._codec].name, rate=rate, options=self._encoder_options(picture), time_base=self._tick
        )
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.pix_fmt = self._pixel_format
        height, width = picture.frame.height, picture.frame.width
        self._padding = self._compute_padding(height, width, picture.field_order != "progressive")
        context.height, context.width = height + self._padding[0], width + self._padding[1]
        if picture.field_order != "progressive" and self._codec not in PROGRESSIVE_CODECS:
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me
            context.field_order = 2 if picture.field_order == "top" else 3
        turn, aspect = picture.orientation, source_info.pixel_aspect
        if source_info.file_size is None or not picture.has_square_pixels:  # else it is of square pixels, as shown
            context.sample_aspect_ratio = 1 / aspect if turn.is_transposed else aspect
        if turn != Orientation():  # the samples stay as they lie, and the file says how to turn them
            stream.set_display_matrix(turn.matrix)
        context.thread_count = settings.threads or 0
        # Slices, PyAV's default, give larger files, the more cores the larger.
        context.thread_type = ThreadType.FRAME
        if ENCODERS[self._codec].name == "libx265" and not self._matroska:
            context.codec_tag = "hvc1"  # the tag that Apple's players ask for
        write_color(context, source_info.color)
        write_timecode(stream, source_info, self._origin - source_info.clock_origin, self._format)
        self._notes.extend(explain_timecode_loss(source_info, self._format))
        self._notes.extend(explain_field_loss(self._codec, source_info.field_order, picture.field_order))
        self._note_losses(picture)
        if self._sound is not None:
            self._sound_track = SoundTrack(self._sound, self._output)
        if settings.keep_audio and source_info.kind == "video":
            copied = (source_info.path, self._output, self._origin, self._span, self._notes)
            self._stream_copier = StreamCopier(*copied, keep_sound=self._sound is None)
        self._note_clock(first)
        self._stream = stream

    def _options(self) -> dict[str, str]:
        if self._matroska:
            return {}
        # Start offsets stand in movie ticks: at the default 1/1000 s, one of 1001/24000 s would be rounded.
        clocks = [self._tick.denominator]
        if self._settings.keep_audio:
            clocks += [audio.sample_rate for audio in self._source_info.audio if audio.sample_rate]
        if self._sound is not None:
            clocks.append(self._sound.rate)
        timescale = math.lcm(*clocks)
        if timescale > MAX_TIMESCALE:
            timescale = min(self._tick.denominator, MAX_TIMESCALE)
        return {"movflags": "+faststart", "movie_timescale": str(timescale), "strict": "experimental"}

    def _encoder_options(self, picture: NativePicture) -> dict[str, str]:
        light = describe_light(picture.frame)
        options = build_options(self._codec, self._settings, self._pixel_format, light, picture.field_order)
        if self._source_info.chroma_location != "unspecified":
            options["chroma_sample_location"] = self._source_info.chroma_location
        return options

    def _compute_padding(self, height: int, width: int, interlaced: bool) -> tuple[int, int]:
        padding = compute_padding(self._codec, self._pixel_format, height, width, interlaced)
        if any(padding):
            self._notes.append(describe_padding(self._codec, self._pixel_format, (height, width), padding))
        return padding

    def _to_ticks(self, time: Fraction) -> int:
        exact = (time - self._origin) / self._tick
        ticks = round(exact)
        if ticks != exact:
            self._note(f"frame times were rounded to the clip's clock of {self._tick} s")
        if self._last is not None and ticks <= self._last:
            ticks = self._last + 1
            self._note("frames that were not later than the one before were moved on by one tick")
        self._last = ticks
        return ticks

    def _mux(self, packets: list[Packet]) -> None:
        assert self._output is not None
        for packet in packets:
            if self._count <= 2 and packet.pts is not None:
                packet.dts = packet.pts  # of so short clips x265 makes numbers up
            if packet.pts in self._durations:
                packet.duration = self._durations.pop(packet.pts)
            for companion in (self._stream_copier, self._sound_track):
                if companion is not None and packet.dts is not None:
                    companion.advance(packet.dts * packet.time_base)
            self._output.mux(packet)

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    @property
    def _has_alpha(self) -> bool:
        return any(component.is_alpha for component in VideoFormat(self._pixel_format, 16, 16).components)

    def _note_losses(self, picture: NativePicture) -> None:
        if self._source_info.pixel_format != "unknown":
            losses = describe_losses(self._source_info.pixel_format, self._pixel_format, self._source_info.kind)
            for loss in losses:
                self._note(loss)
        if describe_light(picture.frame) is not None and self._codec not in ("h264", "hevc"):
            self._note(f"the light of the mastering display was left out because {self._codec} does not hold it")
        aspect = self._source_info.pixel_aspect
        if self._matroska and self._codec in ("ffv1", "prores") and not picture.has_square_pixels:
            self._note(
                f"{self._codec} in .mkv does not say that pixels are {aspect.numerator}:{aspect.denominator} wide: "
                ".mov or .mp4 does"
            )
        for name in list_dynamic_metadata(picture.frame):
            self._note(f"{name} was left out: it describes the pictures as they were")

    def _note_clock(self, first: Fraction) -> None:
        if self._origin and self._span is None:
            self._note(f"all times begin {float(self._origin):.3f} s earlier: an MPEG stream's clock starts anywhere")
        starts = [first]
        if self._stream_copier is not None and self._stream_copier.start_time is not None:
            starts.append(self._stream_copier.start_time)
        if self._matroska and (early := self._origin - min(starts)) > 0:
            self._note(
                f"sound and picture begin {float(early):.3f} s later, together, because Matroska begins at "
                "0; .mp4 and .mov keep the times"
            )
        if self._matroska and (self._tick / MATROSKA_TICK).denominator != 1:
            self._note("times were rounded to milliseconds because Matroska counts no finer; .mp4 and .mov keep them")
