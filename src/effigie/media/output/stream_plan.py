"""Plans what becomes of a clip's sound, subtitles, attachments and data in an output: settled before the first frame.

Nothing is guessed from tables: whether a container takes a stream is tried, with the stream's own first packet, in an
output that lies in memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream

from effigie.media import defaults
from effigie.progress import format_count

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
MAX_ENCODED_CHANNELS = 8  # of AAC and ALAC

# Vorbis goes into MP4 under FFmpeg's private identifier, and hardly a player finds it there. The others are
# listed for MOV and then refused.
UNSUPPORTED_CODECS = {"mp4": {"vorbis"}, "mov": {"flac", "opus", "truehd"}}
LOSSLESS = {"flac", "alac", "tta", "wavpack", "truehd", "mlp", "ape", "wmalossless", "shorten", "tak"}
TEXT_SUBTITLES = {"subrip", "text", "mov_text", "ass", "ssa", "webvtt"}
EXACT_FORMATS = {"u8", "u8p", "s16", "s16p", "s32", "s32p"}  # samples that ALAC holds; s32 here has 24 bits
TRIAL_PACKETS, TRIAL_BYTES = 400, 32 << 20  # read at most, of all streams together, to see the first packet of each

FORMAT_NAMES = {"mp4": "MP4", "mov": "MOV", "matroska": "Matroska"}
KIND_NAMES = {"audio": "sound", "subtitle": "subtitles", "attachment": "an attachment", "data": "a data stream"}
Action = Literal["copy", "encode", "convert", "leave out", "tag"]
"""copy: bit for bit; encode: sound anew; convert: text anew; tag: timecode and chapters, which the container writes."""


@dataclass(frozen=True)
class StreamPlan:
    """What becomes of one stream that is not the picture."""

    index: int
    kind: str  # audio, subtitle, attachment, data
    codec: str
    action: Action
    target: str | None = None  # codec written
    layout: str | None = None  # channel layout written
    note: str = ""  # to the user, unless all is carried over untouched


def plan_streams(container: InputContainer, output_format: str, picture_index: int) -> list[StreamPlan]:
    """Plan every stream but the picture, in order; reads the container's first packets.

    Args:
        container: an input of its own, for it is read from.
        output_format: mp4, mov or matroska.
        picture_index: of the video stream that is replaced.
    """
    side_streams = [stream for stream in container.streams if stream.index != picture_index]
    first = _read_first_packets(container, side_streams)
    return [_plan_stream(stream, output_format, first.get(stream.index)) for stream in side_streams]


def _read_first_packets(container: InputContainer, streams: list[Stream]) -> dict[int, Packet]:
    copyable = [stream for stream in streams if stream.type in ("audio", "subtitle", "data")]
    first: dict[int, Packet] = {}
    size = 0
    if not copyable:
        return first
    try:
        for count, packet in enumerate(container.demux(copyable)):
            size += packet.size
            if packet.size:
                first.setdefault(packet.stream.index, packet)
            if len(first) == len(copyable) or count > TRIAL_PACKETS or size > TRIAL_BYTES:
                break
    except FFmpegError:  # where the file breaks off; what was found is enough to try
        pass
    return first


def _plan_stream(stream: Stream, output_format: str, packet: Packet | None) -> StreamPlan:
    name = FORMAT_NAMES[output_format]
    if stream.type == "video":
        cover = bool(stream.disposition & Disposition.attached_pic)
        subject = "the cover picture" if cover else "another picture stream"
        note = f"{subject} was left out because it shows the footage as it was"
        return StreamPlan(stream.index, "video", codec_name(stream), "leave out", note=note)
    if stream.type == "audio":
        assert isinstance(stream, AudioStream)
        return _plan_sound(stream, output_format, packet)
    codec = codec_name(stream)
    if stream.type in ("subtitle", "data") and _is_chapter_track(stream):
        return StreamPlan(stream.index, stream.type, "chapters", "tag")
    if stream.type == "subtitle":
        if _is_known(stream) and _can_copy(stream, output_format, packet):
            return StreamPlan(stream.index, "subtitle", codec, "copy", codec)
        target = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip"}[output_format]
        if codec in TEXT_SUBTITLES:
            note = f"subtitles rewritten as {target}, without styles, because {name} cannot hold {codec}"
            return StreamPlan(stream.index, "subtitle", codec, "convert", target, note=note)
        note = f"subtitles left out because {name} cannot hold {codec}: write .mkv to keep them"
        return StreamPlan(stream.index, "subtitle", codec, "leave out", note=note)
    if stream.type == "data" and "timecode" in {key.lower() for key in stream.metadata}:
        return StreamPlan(stream.index, "data", "timecode", "tag")
    kind = stream.type or "data"
    if kind in ("attachment", "data") and _can_copy(stream, output_format, packet):
        return StreamPlan(stream.index, kind, codec, "copy", codec)
    subject = KIND_NAMES.get(kind, "a stream of an unknown kind")
    title = stream.metadata.get("filename") or stream.metadata.get("handler_name") or codec
    advice = "write .mkv to keep it" if kind == "attachment" else "it stays in the input alone"
    note = f"{subject} ({title}) was left out because {name} cannot hold it: {advice}"
    return StreamPlan(stream.index, kind, codec, "leave out", note=note)


def _plan_sound(stream: AudioStream, output_format: str, packet: Packet | None) -> StreamPlan:
    name = FORMAT_NAMES[output_format]
    if not _is_known(stream):
        note = "sound of an unknown codec was left out: convert it to PCM or AAC first"
        return StreamPlan(stream.index, "audio", codec_name(stream), "leave out", note=note)
    context, codec = stream.codec_context, codec_name(stream)
    try:
        layout: str | None = defaults.choose_layout(context.layout.name, context.channels)
    except ValueError:
        layout = None
    if codec not in UNSUPPORTED_CODECS.get(output_format, ()) and _can_copy(stream, output_format, packet, layout):
        return StreamPlan(stream.index, "audio", codec, "copy", codec, layout)
    if layout is None or context.channels > MAX_ENCODED_CHANNELS:
        advice = "write .mov or .mkv" if output_format == "mp4" else "bring it separately"
        count = format_count(context.channels, "channel")
        note = f"sound of {count} was left out because {name} cannot hold it as {codec}: {advice}"
        return StreamPlan(stream.index, "audio", codec, "leave out", note=note)
    exact = (codec in LOSSLESS or codec.startswith("pcm_")) and context.format.name in EXACT_FORMATS
    target = "alac" if exact and output_format != "matroska" else "flac" if exact else "aac"
    method = f"to {target.upper()}, without loss," if exact else "to AAC"
    note = f"sound re-encoded {method} because {name} cannot hold {codec}"
    if target == "aac" and context.sample_rate not in AAC_RATES:
        note += f", at 48000 Hz instead of {context.sample_rate}"
    return StreamPlan(stream.index, "audio", codec, "encode", target, layout, note)


def _is_chapter_track(stream: Stream) -> bool:
    """Whether a text stream of MOV or MP4 is what its chapters are read from: they are written anew."""
    container = stream.container
    chapters, entries = len(container.chapters()), len(stream.index_entries)
    if not container.format.name.startswith("mov") or not chapters <= entries <= chapters + 1 or not chapters:
        return False
    # FFmpeg calls the track data where it is linked as one of chapters, and text where only its entries look so.
    if stream.codec_context is None:
        return codec_name(stream) == "bin_data"
    return stream.codec_context.codec_tag == "text"


def count_subtitles(container: InputContainer) -> int:
    """Number of subtitle streams; the track that holds an MP4's chapters is none."""
    return sum(not _is_chapter_track(stream) for stream in container.streams.subtitles)


def codec_name(stream: Stream) -> str:
    """Canonical name of a stream's codec; ``unknown`` where there is none."""
    if stream.codec_context is not None:
        return stream.codec_context.codec.canonical_name
    return getattr(stream, "name", None) or "unknown"


def _is_known(stream: Stream) -> bool:
    return stream.codec_context is not None and stream.time_base is not None


def _can_copy(stream: Stream, output_format: str, packet: Packet | None, layout: str | None = None) -> bool:
    """Whether an output in memory takes the stream and its first packet, and still knows afterwards what it is."""
    file = io.BytesIO()
    try:
        with av.open(file, "w", format=output_format, container_options={"strict": "experimental"}) as output:
            copy = add_copy(output, stream, layout)
            if stream.codec_context is not None and not _names(stream) & output.supported_codecs:
                return False
            if stream.type == "attachment":
                if output_format != "matroska":
                    return False
                output.add_mux_stream("subrip")  # attachments alone are no file
            output.start_encoding()
            if packet is not None:
                trial = av.Packet(bytes(packet))
                trial.pts = trial.dts = 0
                trial.time_base, trial.stream = packet.time_base, copy
                trial.is_keyframe = True
                output.mux(trial)
        if stream.type != "data":
            return True
        file.seek(0)  # MOV takes any data, and then nobody can tell what it is
        with av.open(file) as container:
            return any(codec_name(other) == codec_name(stream) for other in container.streams)
    except (FFmpegError, ValueError):
        return False


def _names(stream: Stream) -> set[str]:
    codec = stream.codec_context.codec
    return {codec.name, codec.canonical_name}


def add_copy(output: OutputContainer, stream: Stream, layout: str | None = None) -> Stream:
    """Add a stream that takes packets of ``stream`` as they are, with its tags and disposition."""
    copy = output.add_stream_from_template(stream)
    if layout is not None and isinstance(copy, AudioStream) and copy.codec_context.layout.name != layout:
        copy.codec_context.layout = layout
    copy_tags(copy, stream)
    return copy


COPIED_TAGS = ("language", "title", "handler_name", "filename", "mimetype", "comment")


def copy_tags(stream: Stream, source: Stream) -> None:
    """Copy what a stream says of itself: language, title and the like, and what it is for."""
    for key in list(stream.metadata):
        if key.lower() not in COPIED_TAGS:
            del stream.metadata[key]
    stream.metadata.update({key: value for key, value in source.metadata.items() if key.lower() in COPIED_TAGS})
    stream.disposition = source.disposition


def list_stream_notes(plans: list[StreamPlan]) -> Iterator[str]:
    """What is not carried over untouched, each once, with how often."""
    notes = [plan.note for plan in plans if plan.note]
    for note in dict.fromkeys(notes):
        count = notes.count(note)
        yield note if count == 1 else f"{note} ({count} streams)"
