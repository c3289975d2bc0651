"""Lists the clips that a user's files, folders, glob patterns and addresses behind fsspec stand for."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.atomic_write import NAME_BYTES
from effigie.io.sequence_names import parse_sequence_name
from effigie.io.storage import absolute_name, is_remote, local_path, open_filesystem
from effigie.media.pictures.sequence import PICTURE_SUFFIXES, group_frames, is_sequence_name, list_sequence
from effigie.media.pictures.signature import is_media

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".asf", ".flv", ".ogv", ".3gp", ".3g2", ".mxf", ".dv", ".rm", ".wtv", ".nut", ".gif", ".apng"),
)
WEB_SCHEMES = ("http", "https")  # a page with links is no folder


def expand_paths(inputs: Iterable[str | Path] | str | Path, recursive: bool = True) -> list[Path]:
    """Expand files, folders and glob patterns to a list of clips, in natural order, each once.

    A folder gives its videos; without any, its pictures: one clip (the folder itself) if they are numbered
    alike, else each by itself. Its subfolders follow the same rule where ``recursive``. Hidden files and
    files of other kinds are passed over in folders and patterns. ``shot.####.exr`` and ``shot.%04d.exr`` are one
    clip, and so are files that are numbered as frames are (``shot.0001.exr``), wherever several of them come together.

    Raises:
        MediaError: a name does not exist, is of no kind that can be read, or nothing was found.
    """
    names = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    listed = {clip.resolve(): clip for name in names for clip in _expand_name(name, recursive)}
    clips = {clip.resolve(): clip for clip in group_frames(listed.values())}
    if not clips:
        request = ", ".join(str(name) for name in names) or "nothing"
        raise MediaError(f"no clip found in {request}: name a video, a picture, or a folder that holds some")
    return sorted(clips.values(), key=natural_sort_key)


def _expand_name(name: str | Path, recursive: bool) -> Iterator[Path]:
    path = Path(name).expanduser()
    if path.is_dir():
        yield from _list_folder(path, recursive)
    elif path.exists():
        if not _is_media_file(path):
            kind = path.suffix or "no suffix"
            raise MediaError(f"{path} is not of a kind that can be read ({kind}): convert it to MP4, or to PNG")
        yield path
    elif is_sequence_name(path):
        yield path
    elif glob.has_magic(str(name)):
        for match in map(Path, sorted(glob.glob(str(path), recursive=True))):  # noqa: PTH207 absolute patterns too
            if match.is_dir():
                yield from _list_folder(match, recursive)
            elif _is_media_file(match):
                yield match
    else:
        raise MediaError(f"{path} does not exist: check the name")


def _list_folder(folder: Path, recursive: bool) -> Iterator[Path]:
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except PermissionError:
        raise MediaError(f"no permission to read {folder}: change its permissions or copy it elsewhere") from None
    files = [entry for entry in entries if entry.is_file()]
    if videos := [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]:
        yield from videos
    elif list_sequence(folder):
        yield folder
    else:
        yield from (file for file in files if file.suffix.lower() in PICTURE_SUFFIXES)
    if recursive:
        for entry in entries:
            if entry.is_dir():
                yield from _list_folder(entry, recursive)


def _is_media_file(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES + PICTURE_SUFFIXES or (path.is_file() and is_media(path))


def natural_sort_key(path: str | Path) -> list[tuple[int, str]]:
    """Sort key of the natural order: clip2 before clip10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]


def find_clips(inputs: Iterable[str | Path] | str | Path) -> list[str]:
    """Expand names to a list of clips, in natural order, each once: absolute paths, or URLs.

    Paths are taken as by :func:`effigie.media.expand_paths`. A URL may name a file, a folder or a pattern
    (``s3://bucket/day-*/*.mp4``); of a folder, its videos, else its pictures, each by itself, subfolders included.

    Raises:
        MediaError: nothing was found.
        UsageError: no such kind of URL, or its package is not installed.
        EffigieError: it cannot be reached.
    """
    names = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    local = [local_path(name) for name in names if not is_remote(name)]
    clips = {absolute_name(path) for path in expand_paths(local)} if local or not names else set()
    for name in names:
        if is_remote(name):
            clips.update(_list_remote(str(name)))
    return sorted(clips, key=natural_sort_key)


def digest_files(*groups: Sequence[Path], extra: str = "") -> str:
    """Eight hex digits of files by name, size and time, those of numbered pictures included: what they are known by.

    Raises:
        UsageError: one does not exist.
    """
    digest = hashlib.sha256(extra.encode())
    for path in (path for group in groups for path in group):
        pattern = parse_sequence_name(path)
        if pattern is None and not path.exists():
            raise UsageError(f"{path} does not exist")
        for file in [path] if pattern is None else pattern.list_files().values():
            status = file.stat()
            digest.update(f"{file.resolve()} {status.st_size} {status.st_mtime_ns}\n".encode(errors=NAME_BYTES))
    return digest.hexdigest()[:8]


def is_single_clip(name: str | Path) -> bool:
    """Whether a name stands for one clip, rather than for a list: a file, or a folder of numbered pictures."""
    if is_remote(name):
        return not glob.has_magic(str(name)) and _is_media_file(Path(str(name)))
    path = local_path(name)
    if path.is_dir():
        try:
            return expand_paths(path) == [path]
        except MediaError:
            return True  # whoever reads it will say what is wrong
    if is_sequence_name(path):
        return True
    return path.exists() or not glob.has_magic(str(name))


def _list_remote(url: str) -> list[str]:
    system, path = open_filesystem(url)
    try:
        if glob.has_magic(path):
            files = system.glob(path)
        elif url.split("://")[0].lower() not in WEB_SCHEMES and system.isdir(path):
            files = system.find(path)
        else:
            return [url]
    except Exception as error:  # every kind of store has errors of its own
        raise EffigieError(f"{url} cannot be listed: {error}") from error
    visible = [file for file in files if not any(part.startswith(".") for part in file.split("/"))]
    videos = [file for file in visible if Path(file).suffix.lower() in VIDEO_SUFFIXES]
    clips = videos or [file for file in visible if Path(file).suffix.lower() in PICTURE_SUFFIXES]
    if not clips:
        raise MediaError(f"no clip found in {url}: name a video, a picture, or a folder that holds some")
    return [system.unstrip_protocol(file) for file in clips]
