"""Plans an output before its first frame: what would fail at the end of the work is refused at its beginning."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from effigie.errors import EffigieError, UsageError
from effigie.media import defaults
from effigie.media.clip import ClipInfo
from effigie.media.config import EncodeSettings
from effigie.media.layers.plan import LayerPlan
from effigie.media.output.encoders import ENCODERS, choose_codec, estimate_bytes, explain_field_loss
from effigie.media.output.place import OutputKind, check_place, choose_output_kind, measure_free_space
from effigie.media.output.stream_copy import TimeSpan, plan_file_streams
from effigie.media.output.stream_plan import FORMAT_NAMES, StreamPlan, list_stream_notes
from effigie.media.output.video_encoder import OUTPUT_FORMATS, compute_padding, describe_padding
from effigie.media.pictures.frame_files import (
    FRAMES_MANIFEST,
    MANIFEST_NAMES,
    FrameFormat,
    check_frames,
    choose_frame_format,
)
from effigie.media.pictures.sequence import PictureSequence
from effigie.media.samples.pixel_formats import choose_pixel_format, describe_losses
from effigie.media.timecode import explain_timecode_loss
from effigie.progress import format_count

SURE_SHARE = 0.25  # of the estimated size; with less room than that the work certainly ends with a full disk
FIXED_SHARE = 0.6  # the same, of a codec whose files are of one size whatever they show
MB = 1e6


@dataclass(frozen=True)
class OutputPlan:
    """What an output will be, and that nothing known stands against it.

    Attributes:
        output: its path.
        kind: ``video``, ``folder`` (of numbered pictures) or ``still``.
        container: mp4, mov or matroska; empty for pictures.
        codec: by the name that ``EncodeSettings.codec`` takes.
        pixel_format: of the samples written.
        width, height: pixels, of the file.
        rate: mean frames a second.
        frames: to be written, as far as the container says.
        seconds: length of the output.
        pixel_aspect: width of a displayed pixel over its height.
        streams: what becomes of sound, subtitles, attachments and data.
        chapters: number of the clip's.
        timecode, reel: written; None where there is none or the container holds none.
        bytes_needed: estimated size of the output, and what its making takes besides.
        bytes_free: room on its disk.
        names: of the files of a folder, where they are the footage's own.
        layers: what is written for other compositing programs, if anything.
        signature: how the output is signed, in words; empty until a signed writer has planned it.
        notes: what is not carried over untouched, a sentence each.
    """

    output: Path
    kind: OutputKind
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rate: Fraction | None
    frames: int | None
    seconds: Fraction | None
    pixel_aspect: Fraction
    streams: tuple[StreamPlan, ...] = ()
    chapters: int = 0
    timecode: str | None = None
    reel: str | None = None
    bytes_needed: int = 0
    bytes_free: int = 0
    names: str = ""
    layers: LayerPlan | None = None
    signature: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def lines(self) -> list[str]:
        """The plan in words, a line per part."""
        kinds = {
            "video": FORMAT_NAMES.get(self.container, ""),
            "folder": f"a folder of {self.codec.upper()} files{self.names and f', {self.names}'}",
            "still": "one picture",
        }
        lines = [f"output: {self.output}, {kinds[self.kind]}"]
        rate = "" if self.rate is None else f", {float(self.rate):.6g} frames/s"
        count = "" if self.frames is None else f", {format_count(self.frames, 'frame')}"
        aspect = "" if self.pixel_aspect == 1 else f", pixel aspect {self.pixel_aspect}"
        lines.append(f"picture: {self.codec} {self.pixel_format}, {self.width}x{self.height}{aspect}{rate}{count}")
        for stream in self.streams:
            treatments = {
                "copy": f"{stream.codec}, copied",
                "encode": f"{stream.codec}, re-encoded as {stream.target}",
                "convert": f"{stream.codec}, rewritten as {stream.target}",
                "leave out": f"{stream.codec}, left out",
                "tag": "written anew",
            }
            name = {"audio": "sound", "subtitle": "subtitles", "video": "second picture"}.get(stream.kind, stream.kind)
            lines.append(f"{stream.codec if stream.action == 'tag' else name}: {treatments[stream.action]}")
        if self.chapters:
            lines.append(f"chapters: {self.chapters}")
        if self.timecode:
            lines.append(f"timecode: {self.timecode}{'' if self.reel is None else f', reel {self.reel}'}")
        if self.layers:
            lines.append(f"layers: {self.layers.description}")
        if self.signature:
            lines.append(f"signed: {self.signature}")
        lines.append(f"disk: about {format_bytes(self.bytes_needed)} of {format_bytes(self.bytes_free)} free")
        lines.extend(f"note: {note}" for note in self.notes)
        return lines


def format_bytes(size: float) -> str:
    """``3.2 GB``, ``40 MB``; one MB at least."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / MB))} MB"


def plan_output(
    path: str | Path,
    source_info: ClipInfo,
    settings: EncodeSettings | None = None,
    span: TimeSpan | None = None,
    max_frames: int | None = None,
) -> OutputPlan:
    """Plan what :class:`~effigie.media.VideoWriter` would write; nothing is left on the disk.

    Args:
        span: as for the writer.
        max_frames: how many frames will be written at most.

    Raises:
        UsageError: suffix, codec and size contradict each other, the name is too long or taken by something else, or
            the output is the clip itself.
        EffigieError: its folder cannot be written, or its disk is too full.
        MediaError: the clip's sound and subtitles cannot be read.
    """
    path, settings = Path(path), settings or EncodeSettings()
    kind = choose_output_kind(path, settings)
    frame_format = choose_frame_format(source_info, settings) if kind == "folder" else None
    check_output_place(path, kind, source_info, frame_format)
    container = OUTPUT_FORMATS[path.suffix.lower()] if kind == "video" else ""
    codec = choose_output_codec(path, source_info, settings) if kind == "video" else frame_format or "png"
    pixel_format = source_info.pixel_format if frame_format else "rgb24"
    if kind == "video":
        pixel_format = _choose_pixel_format(codec, source_info, settings)
    notes = list(source_info.notes)
    width, height = source_info.file_size or (source_info.width, source_info.height)
    streams: tuple[StreamPlan, ...] = ()
    if kind == "video":
        rows, columns = compute_padding(codec, pixel_format, height, width, source_info.field_order != "progressive")
        if rows or columns:
            notes.append(describe_padding(codec, pixel_format, (height, width), (rows, columns)))
        if source_info.pixel_format != "unknown":
            notes.extend(describe_losses(source_info.pixel_format, pixel_format, source_info.kind))
        height, width = height + rows, width + columns
        if settings.keep_audio and source_info.kind == "video":
            streams = tuple(plan_file_streams(source_info.path, container))
            notes.extend(list_stream_notes(list(streams)))
        notes.extend(explain_timecode_loss(source_info, container))
        notes.extend(explain_field_loss(codec, source_info.field_order, source_info.field_order))
    else:
        notes.extend(list_picture_losses(source_info, settings, kind))
    if frame_format is not None and source_info.sequence is not None:
        check_frames(source_info.sequence, frame_format)
    frames, seconds = _measure_length(source_info, span, max_frames)
    if frame_format is not None and source_info.sequence is not None:
        needed = _sum_files(source_info.sequence, frames)
    else:
        needed = _estimate_size(codec, settings, source_info, width * height, frames, seconds, streams)
    plan = OutputPlan(
        output=path,
        kind=kind,
        container=container,
        codec=codec if kind == "video" or frame_format else path.suffix.lower().lstrip(".") or "png",
        pixel_format=pixel_format,
        width=width,
        height=height,
        rate=source_info.rate,
        frames=frames,
        seconds=seconds,
        pixel_aspect=source_info.pixel_aspect,
        streams=streams,
        chapters=source_info.chapters if container else 0,
        timecode=source_info.timecode if container or frame_format == "exr" else None,
        reel=source_info.reel if container in ("mov", "matroska") or frame_format == "exr" else None,
        names=_name_frames(source_info.sequence, frames) if frame_format and source_info.sequence else "",
        bytes_needed=needed,
        bytes_free=measure_free_space(path),
        notes=tuple(dict.fromkeys(notes)),
    )
    check_room(plan, FIXED_SHARE if kind == "video" and ENCODERS[codec].is_fixed_size else SURE_SHARE)
    return plan


def choose_output_codec(path: Path, source_info: ClipInfo, settings: EncodeSettings) -> str:
    """The codec of a video output.

    Raises:
        UsageError: its container does not hold it, or the pictures are too small for it.
    """
    codec = choose_codec(settings, source_info, OUTPUT_FORMATS[path.suffix.lower()])
    width, height = ENCODERS[codec].min_size
    if source_info.width < width or source_info.height < height:
        raise UsageError(
            f"{codec} needs {width}x{height} pixels, and the clip has {source_info.width}x{source_info.height}: "
            "choose h264 or ffv1"
        )
    return codec


def _choose_pixel_format(codec: str, source_info: ClipInfo, settings: EncodeSettings) -> str:
    return choose_pixel_format(ENCODERS[codec], source_info, settings.pixel_format)


def list_picture_losses(source_info: ClipInfo, settings: EncodeSettings, kind: OutputKind) -> list[str]:
    """What of a clip pictures cannot hold, a sentence each."""
    losses = []
    if source_info.audio and settings.keep_audio:
        losses.append("the sound was left out because pictures hold none")
    if source_info.subtitles and settings.keep_audio:
        losses.append("the subtitles were left out because pictures hold none")
    if kind == "folder" and source_info.kind == "video":
        losses.append("frame times were left out because pictures hold none; they are numbered in order")
    if source_info.timecode and (kind != "folder" or choose_frame_format(source_info, settings) != "exr"):
        losses.append(f"the timecode {source_info.timecode} was left out because pictures hold none")
    if source_info.chapters:
        losses.append("the chapters were left out because pictures hold none")
    if source_info.field_order != "progressive":
        losses.append(f"the clip is interlaced ({source_info.field_order}), which pictures cannot say")
    return losses


def check_output_place(
    path: Path, kind: OutputKind, source_info: ClipInfo, frame_format: FrameFormat | None = None
) -> None:
    """Raise unless an output can be written there, see :func:`~effigie.media.output.place.check_place`.

    Args:
        frame_format: in which the footage's frames are written under their own names; None of all else.
    """
    sequence = source_info.sequence
    if sequence is not None and path.exists() and path.samefile(sequence.folder):
        raise UsageError(f"{path} is the folder of the clip being read: choose another name for the output")
    if frame_format is None or sequence is None:
        check_place(path, kind, source_info)
        return
    if frame_format != "png" and path.is_dir() and any(path.iterdir()) and not (path / FRAMES_MANIFEST).is_file():
        raise UsageError(f"{path} holds pictures that were not made by effigie: choose another name")
    check_place(path, kind, source_info, sequence.names + MANIFEST_NAMES)


def _name_frames(sequence: PictureSequence, frames: int | None) -> str:
    files = sequence.files[: frames or None]
    return f"{files[0].name} to {files[-1].name}"


def _sum_files(sequence: PictureSequence, frames: int | None) -> int:
    """Bytes of so many frames of a size that the footage's own have."""
    files = sequence.files[: frames or None]
    return sum(file.stat().st_size for file in files)


def _measure_length(
    source_info: ClipInfo, span: TimeSpan | None, max_frames: int | None
) -> tuple[int | None, Fraction | None]:
    frames, seconds, rate = source_info.frames, source_info.duration, source_info.rate
    if span is not None and seconds is not None:
        stop = source_info.clock_origin + seconds if span[1] is None else span[1]
        seconds = max(Fraction(0), min(seconds, stop - span[0]))
        frames = None if rate is None else min(frames or round(seconds * rate), round(seconds * rate))
    if max_frames is not None:
        frames = max_frames if frames is None else min(frames, max_frames)
        seconds = frames / rate if rate else seconds
    return frames, seconds


def _estimate_size(
    codec: str,
    settings: EncodeSettings,
    source_info: ClipInfo,
    pixels: int,
    frames: int | None,
    seconds: Fraction | None,
    streams: tuple[StreamPlan, ...],
) -> int:
    if frames is None:
        frames = round((seconds or 0) * (source_info.rate or defaults.FRAME_RATE)) or 1
    size = estimate_bytes(codec, settings, float(pixels) * frames)
    by_sound = {"encode": 24_000.0, "copy": 24_000.0}  # bytes a second, of two channels of AAC at 192 kbit/s
    for stream in streams:
        if stream.kind == "audio":
            raw = stream.action == "copy" and stream.codec.startswith("pcm_")
            size += float(seconds or 0) * (288_000 if raw else by_sound.get(stream.action, 0))
    return int(size)


def check_room(plan: OutputPlan, sure_share: float = SURE_SHARE) -> None:
    """Raise if the disk is certainly too full for an output."""
    if plan.bytes_free < sure_share * plan.bytes_needed:
        raise EffigieError(
            f"{plan.output} will take about {format_bytes(plan.bytes_needed)} and {format_bytes(plan.bytes_free)} are "
            "free there: free some space, choose another folder, or a codec that makes smaller files"
        )
