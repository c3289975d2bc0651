"""What a user names - files, folders, patterns, and addresses behind fsspec - into a list of clips."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from effigie.errors import EffigieError, MediaError
from effigie.io.storage import absolute, here, is_remote, opened
from effigie.media.images import SUFFIXES as PICTURES
from effigie.media.inputs import VIDEOS, as_people_count, expand

WEB = ("http", "https")  # a page with links is no folder


def clips_in(inputs: Iterable[str | Path] | str | Path) -> list[str]:
    """The clips that names stand for, sorted as people count, each once: whole paths, or addresses.

    Paths are taken as by :func:`effigie.media.expand`. An address may name a file, a folder or a pattern
    (``s3://bucket/day-*/*.mp4``); of a folder, its videos, else its pictures, each by itself, subfolders included.

    Raises:
        MediaError: nothing was found.
        UsageError: no such kind of address, or its package is not installed.
        EffigieError: it cannot be reached.
    """
    names = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    local = [here(name) for name in names if not is_remote(name)]
    found = {absolute(path) for path in expand(local)} if local or not names else set()
    for name in names:
        if is_remote(name):
            found.update(_behind(str(name)))
    return sorted(found, key=as_people_count)


def names_one_clip(name: str | Path) -> bool:
    """Whether a name stands for one clip, rather than for a list: a file, or a folder of numbered pictures."""
    if is_remote(name):
        return not glob.has_magic(str(name)) and Path(str(name)).suffix.lower() in VIDEOS + PICTURES
    path = here(name)
    if path.is_dir():
        try:
            return expand(path) == [path]
        except MediaError:
            return True  # whoever reads it will say what is wrong
    return path.exists() or not glob.has_magic(str(name))


def _behind(address: str) -> list[str]:
    system, path = opened(address)
    try:
        if glob.has_magic(path):
            files = system.glob(path)
        elif address.split("://")[0].lower() not in WEB and system.isdir(path):
            files = system.find(path)
        else:
            return [address]
    except Exception as error:  # every kind of store has errors of its own
        raise EffigieError(f"{address} cannot be listed: {error}") from error
    shown = [file for file in files if not any(part.startswith(".") for part in file.split("/"))]
    videos = [file for file in shown if Path(file).suffix.lower() in VIDEOS]
    chosen = videos or [file for file in shown if Path(file).suffix.lower() in PICTURES]
    if not chosen:
        raise MediaError(f"no clip found in {address}: name a video, a picture, or a folder that holds some")
    return [system.unstrip_protocol(file) for file in chosen]
