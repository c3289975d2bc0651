"""OpenTimelineIO: the shots of a conversion as a cut for other programs, and the ranges that a cut uses of a clip.

Needs the package ``opentimelineio`` (``pip install 'effigie[otio]'``; Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from effigie.errors import UsageError
from effigie.io.atomic_write import atomic_write
from effigie.media import ClipInfo, defaults, probe
from effigie.media.timecode import Timecode
from effigie.swap.editing.project import Project
from effigie.swap.editing.shot_settings import ShotSettings

SUFFIX = ".otio"
METADATA = "effigie"
SAME_RATE = 0.01  # 23.976 and 24 count frames alike; editors write either
MAX_BYTES = 256 << 20  # of a file that is read

FrameRange = tuple[int, int]
"""First and last frame of a clip, both included, counted from 0."""


def _load_library() -> Any:
    try:
        import opentimelineio
    except ImportError:
        raise UsageError("a timeline needs the package opentimelineio: pip install 'effigie[otio]'") from None
    return opentimelineio


def save_timeline(project: Project, path: str | Path) -> None:
    """Write a project's shots as a timeline of one track: a clip each, and one for what lies between them.

    The clips refer to the project's output, or to its clip where the output is not named yet; their metadata hold the
    settings of the shot under ``effigie``. The media's times begin at its timecode.

    Raises:
        UsageError: the name is not ``.otio``, or the package is missing.
        MediaError: the project's clip cannot be read.
    """
    otio, path = _load_library(), Path(path)
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"{path} is no timeline's name: end it with {SUFFIX}")
    info = probe(project.clip, project.settings.footage)
    rate, start = float(info.rate or defaults.FRAME_RATE), _first_frame(info)
    count = info.frames or 1
    media = (project.output or project.clip).absolute()

    def time(frames: int) -> Any:
        return otio.opentime.RationalTime(frames, rate)

    timeline = otio.schema.Timeline(name=project.clip.stem, global_start_time=time(start))
    track = otio.schema.Track(name="picture", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    for number, (first, last, shot) in enumerate(_cover(project.settings.shots, count), 1):
        reference = otio.schema.ExternalReference(
            target_url=media.as_uri(), available_range=otio.opentime.TimeRange(time(start), time(count))
        )
        if info.reel is not None:
            reference.metadata["reel"] = info.reel
        clip = otio.schema.Clip(
            name=f"{project.clip.stem} {number:03d}",
            media_reference=reference,
            source_range=otio.opentime.TimeRange(time(start + first), time(last - first + 1)),
        )
        clip.metadata[METADATA] = {"first": first, "last": last, **({} if shot is None else _to_metadata(shot))}
        track.append(clip)
    with atomic_write(path) as temporary:
        temporary.write_text(timeline.to_json_string(indent=2), encoding="utf-8")


def load_ranges(path: str | Path, clip: str | Path, info: ClipInfo | None = None) -> list[FrameRange]:
    """The ranges of a clip that a timeline uses, in order, joined where they meet.

    Of the timeline's clips those count whose media bears the clip's file name, with any suffix: an edit of proxies fits
    too. If all its media are of one name, that is taken for the clip's.

    Args:
        info: the clip's description, if it is known already.

    Raises:
        UsageError: no timeline, or the clip is nowhere in it; or the package is missing.
        MediaError: the clip cannot be read.
    """
    path, clip = Path(path), Path(clip)
    timeline = _read(path)
    info = info or probe(clip)
    ranges: dict[str, list[FrameRange]] = {}
    for one in timeline.find_clips():
        name = _media_name(one)
        if name is not None:
            ranges.setdefault(name, []).extend(_list_frame_ranges(one, info))
    own_ranges = ranges.get(clip.stem.casefold())
    if own_ranges is None and len(ranges) == 1:
        (own_ranges,) = ranges.values()
    if not own_ranges:
        names = ", ".join(sorted(ranges)[:5]) or "no media at all"
        raise UsageError(f"{path} uses nothing of {clip.name}; it names {names}: give the cut of this clip")
    return _join(own_ranges)


def restrict_shots(shots: Sequence[ShotSettings], ranges: Sequence[FrameRange]) -> tuple[ShotSettings, ...]:
    """Shots of a conversion with everything outside the ranges left as it is; settings within them stay."""
    restricted: list[ShotSettings] = []
    last = -1
    for first, end in ranges:
        if first > last + 1:
            restricted.append(ShotSettings(last + 1, first - 1, skip=True))
        for shot in sorted(shots, key=lambda one: one.first):
            begins, ends = max(first, shot.first), end if shot.last is None else min(end, shot.last)
            if begins <= ends:
                values = {"skip": shot.skip, "excluded_models": shot.excluded_models, "compose": shot.compose}
                restricted.append(ShotSettings(begins, ends, **values))  # type: ignore[arg-type]
        last = end
    return (*restricted, ShotSettings(last + 1, None, skip=True))


def _read(path: Path) -> Any:
    otio = _load_library()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is too large for a timeline: check that it is one")
        # Not by the suffix: other adapters run programs or fetch files.
        timeline = otio.adapters.read_from_string(path.read_text(encoding="utf-8"), adapter_name="otio_json")
    except UsageError:
        raise
    except Exception as error:  # the library has errors of its own for every kind of damage
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{path} is no timeline that can be read ({reason}): export it as OpenTimelineIO") from error
    if not hasattr(timeline, "find_clips"):
        raise UsageError(f"{path} holds no timeline, but a {type(timeline).__name__}: export a whole cut")
    return timeline


def _media_name(clip: Any) -> str | None:
    """Name of a clip's media without folder and suffix."""
    reference = clip.media_reference
    url = getattr(reference, "target_url", None)
    name = unquote(urlsplit(url).path) if url else (getattr(reference, "name", "") or clip.name)
    return Path(name.replace("\\", "/")).stem.casefold() if name else None


def _list_frame_ranges(clip: Any, info: ClipInfo) -> Iterator[FrameRange]:
    """The frames of its media that a clip shows; those outside the media are left out."""
    try:
        span, available = clip.source_range or clip.available_range(), clip.media_reference.available_range
    except Exception:  # neither is known
        return
    start = _count_frames(available.start_time, info) if available else 0
    first = _count_frames(span.start_time, info)
    if not available and first >= (timecode := _first_frame(info)) > 0:
        start = timecode  # editors count the media's frames from its timecode
    length = _count_frames(span.duration, info)
    for effect in clip.effects:  # footage at another speed uses more of its media, or less
        length = max(1, round(length * abs(getattr(effect, "time_scalar", 1.0) or 1.0)))
    first = max(0, first - start)
    last = first + length - 1
    if info.frames is not None:
        last = min(last, info.frames - 1)
    if length > 0 and last >= first:
        yield first, last


def _count_frames(time: Any, info: ClipInfo) -> int:
    rate = info.rate or defaults.FRAME_RATE
    if not time.rate or abs(time.rate / float(rate) - 1) < SAME_RATE:
        return round(time.value)
    return round(Fraction(time.value) / Fraction(time.rate).limit_denominator(1001) * rate)


def _first_frame(info: ClipInfo) -> int:
    """Number of the clip's first frame by its timecode; 0 without one."""
    try:
        return Timecode.parse(info.timecode or "", info.rate or defaults.FRAME_RATE).frame
    except ValueError:
        return 0


def _join(ranges: Sequence[FrameRange]) -> list[FrameRange]:
    joined: list[FrameRange] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def _cover(shots: Sequence[ShotSettings], count: int) -> Iterator[tuple[int, int, ShotSettings | None]]:
    """Every frame of a clip in order: its shots, and what lies between them."""
    following = 0
    for shot in sorted(shots, key=lambda one: one.first):
        if shot.first >= count:
            break
        if shot.first > following:
            yield following, shot.first - 1, None
        last = count - 1 if shot.last is None else min(shot.last, count - 1)
        yield shot.first, last, shot
        following = last + 1
    if following < count:
        yield following, count - 1, None


def _to_metadata(shot: ShotSettings) -> dict[str, Any]:
    """A shot's settings as JSON values."""
    settings: dict[str, Any] = {"skip": shot.skip, "without": list(shot.excluded_models)}
    if shot.compose is not None:
        settings["compose"] = {
            name: value for name, value in asdict(shot.compose).items() if not isinstance(value, dict)
        }
    return settings
