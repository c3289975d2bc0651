"""Where an output goes: what its name stands for, and whether a file or folder of that name can be written there."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from effigie.errors import UsageError
from effigie.io.atomic_write import convert_os_error
from effigie.media.clip import ClipInfo
from effigie.media.config import EncodeSettings
from effigie.media.output.video_encoder import OUTPUT_FORMATS
from effigie.media.pictures.writer import STILL_SUFFIXES
from effigie.progress import format_count

LONGEST_COMPANION = ".notice.txt"  # the longest name that is written beside an output: its own, and this
DEFAULT_NAME_BYTES = 255  # that file systems allow
FRAME_NAMES = r"\d+\.png"

OutputKind = Literal["video", "folder", "still"]


def choose_output_kind(path: Path, settings: EncodeSettings) -> OutputKind:
    """Whether a name and a codec stand for a video, a folder of pictures or one picture.

    Raises:
        UsageError: they contradict each other.
    """
    suffix = path.suffix.lower()
    if suffix in OUTPUT_FORMATS:
        if settings.codec == "png":
            raise UsageError(f"{path} is a video name and codec png writes a folder: drop the suffix, or choose h264")
        return "video"
    if suffix in STILL_SUFFIXES:
        return "still"
    if not suffix or settings.codec == "png":
        return "folder"
    raise UsageError(
        f"{suffix} cannot be written: use {', '.join(OUTPUT_FORMATS)}, {', '.join(STILL_SUFFIXES)}, "
        "or no suffix for a folder"
    )


def check_place(
    path: Path, kind: OutputKind, source_info: ClipInfo | None, names: str = FRAME_NAMES, contents: str = "frames"
) -> None:
    """Raise unless a file or folder of that name can be written there.

    Args:
        source_info: the clip that must not be overwritten; None where there is none.
        names: pattern of the files that a folder holds which may be replaced.
        contents: these are, in a word.
    """
    if source_info is not None and path.exists() and source_info.path.exists() and path.samefile(source_info.path):
        raise UsageError(f"{path} is the clip being read: choose another name for the output")
    folder = _nearest_folder(path)
    longest = _longest_name(folder)
    try:
        size = len(os.fsencode(path.name + LONGEST_COMPANION))
    except UnicodeEncodeError:
        raise UsageError(
            f"this locale cannot write the name {path.name!a}: choose another, or set LC_ALL=C.UTF-8"
        ) from None
    if size > longest:
        raise UsageError(
            f"the name {path.name[:40]}... is too long by {format_count(size - longest, 'byte')}, for "
            f"{LONGEST_COMPANION} is added to it for the notice: choose a shorter one"
        )
    if kind == "folder":
        _check_replaceable(path, names, contents)
    elif path.is_dir():
        raise UsageError(f"{path} is a folder: name the file in it, such as {path / 'out'}{path.suffix}")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise convert_os_error(error, path) from error


def _nearest_folder(path: Path) -> Path:
    """The folder of the output, or the nearest one above it that is there: the others are made."""
    for folder in path.absolute().parents:
        try:
            if folder.is_dir():
                return folder
            if folder.exists() or folder.is_symlink():
                raise UsageError(
                    f"{folder} is no folder, so {path.name} cannot be written into it: choose another place"
                )
        except OSError as error:  # a name that is too long, or a folder that may not be entered
            raise convert_os_error(error, path) from error
    raise UsageError(f"{path} lies in no folder: choose another place")


def _longest_name(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows has no pathconf
        return DEFAULT_NAME_BYTES


def _check_replaceable(path: Path, names: str, contents: str) -> None:
    """Raise unless the folder to be replaced holds nothing but files of such names."""
    if not path.is_dir():
        if path.exists():
            raise UsageError(f"{path} is a file, and {contents} are written into a folder: choose another name")
        return
    obstacle = next((entry for entry in path.iterdir() if not re.fullmatch(names, entry.name)), None)
    if obstacle is not None:
        raise UsageError(f"{path} holds more than {contents} ({obstacle.name}): choose another name")


def measure_free_space(path: Path) -> int:
    """Bytes that a user may still write where ``path`` is to be."""
    return shutil.disk_usage(_nearest_folder(path)).free


def is_same_disk(first: Path, second: Path) -> bool:
    """Whether two files that are to be written share their room."""
    return _nearest_folder(first).stat().st_dev == _nearest_folder(second).stat().st_dev
