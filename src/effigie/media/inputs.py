"""What a user names - files, folders, patterns - into a list of clips."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from effigie.errors import MediaError
from effigie.media.images import SUFFIXES as PICTURES
from effigie.media.images import sequence_files

VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".asf", ".flv", ".ogv", ".3gp", ".3g2", ".mxf", ".dv", ".rm", ".wtv", ".nut", ".gif", ".apng"),
)


def expand(inputs: Iterable[str | Path] | str | Path, recursive: bool = True) -> list[Path]:
    """The clips that files, folders and glob patterns stand for, sorted as people count, each once.

    A folder gives its videos; without any, its pictures: one clip (the folder itself) if they are numbered
    alike, else each by itself. Its subfolders follow the same rule where ``recursive``. Hidden files and
    files of other kinds are passed over in folders and patterns.

    Raises:
        MediaError: a name does not exist, is of no kind that can be read, or nothing was found.
    """
    names = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    found = {clip.resolve(): clip for name in names for clip in _expanded(name, recursive)}
    if not found:
        wanted = ", ".join(str(name) for name in names) or "nothing"
        raise MediaError(f"no clip found in {wanted}: name a video, a picture, or a folder that holds some")
    return sorted(found.values(), key=as_people_count)


def _expanded(name: str | Path, recursive: bool) -> Iterator[Path]:
    path = Path(name).expanduser()
    if path.is_dir():
        yield from _in_folder(path, recursive)
    elif path.exists():
        if not _readable(path):
            raise MediaError(
                f"{path} is not of a kind that can be read ({path.suffix or 'no suffix'}): "
                f"convert it to MP4, or to PNG for a picture"
            )
        yield path
    elif glob.has_magic(str(name)):
        for match in map(Path, sorted(glob.glob(str(path), recursive=True))):  # noqa: PTH207 absolute patterns too
            if match.is_dir():
                yield from _in_folder(match, recursive)
            elif _readable(match):
                yield match
    else:
        raise MediaError(f"{path} does not exist: check the name")


def _in_folder(folder: Path, recursive: bool) -> Iterator[Path]:
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except PermissionError:
        raise MediaError(
            f"no permission to read {folder}: change its permissions or copy it elsewhere"
        ) from None
    videos = [entry for entry in entries if entry.suffix.lower() in VIDEOS and entry.is_file()]
    pictures = [entry for entry in entries if entry.suffix.lower() in PICTURES and entry.is_file()]
    if videos:
        yield from videos
    elif sequence_files(folder):
        yield folder
    else:
        yield from pictures
    if recursive:
        for entry in entries:
            if entry.is_dir():
                yield from _in_folder(entry, recursive)


def _readable(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS + PICTURES


def as_people_count(path: str | Path) -> list[tuple[int, str]]:
    """A key to sort by: clip2 before clip10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]
