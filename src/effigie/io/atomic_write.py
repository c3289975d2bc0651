"""Atomic writes of files and folders: to a temporary name beside the target, renamed when complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from effigie.errors import EffigieError, UsageError
from effigie.io.sequence_names import parse_sequence_name

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}
PERMISSION_ERRNOS = {errno.EACCES, errno.EPERM, errno.EROFS}
WRITE_ERRNOS = DISK_FULL_ERRNOS | PERMISSION_ERRNOS | {errno.EFBIG, errno.EIO, errno.ENAMETOOLONG}
ABANDONED_AFTER_S = 3600.0  # nobody writes a file without touching it for so long: its writer was killed
MAX_STEM_LENGTH = 40  # of a temporary name, so that a name of the greatest allowed length still has one
# File names are bytes: those that are no letters of the locale Python holds as lone surrogates.
NAME_BYTES = "surrogateescape"  # error handler that gives back the bytes
JSON_ESCAPES = "backslashreplace"  # error handler that writes them as JSON's own escapes
TEMPORARY_NAME = re.compile(
    r"\.(?P<stem>.+)\.(?P<process>\d+)-[0-9a-f]{8}\.(?P<kind>partial|aside)(?P<suffix>\.[^.]+)?"
)
"""Names of temporary files and folders: of what, by which process; ``aside`` is a folder that is being replaced."""


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix); rename it to ``path`` if the block succeeds.

    The block may create a file or a folder there. On any exception, Ctrl-C too, what it wrote is removed and
    ``path`` is left as it was. A full disk becomes one clear error. A kill leaves the temporary file, which a
    later call for the same ``path`` removes.
    """
    path = Path(path)
    temporary = temporary_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in _find_leftovers(path):
            if is_abandoned(path.with_name(leftover[0])):
                _remove_leftover(path, leftover)
        yield temporary
        _rename_into_place(temporary, path)
    except OSError as error:
        if error.errno in WRITE_ERRNOS:
            raise convert_os_error(error, path) from error
        raise
    finally:
        discard(temporary)


def clear_abandoned(path: Path) -> None:
    """Remove temporary files that killed writers of ``path`` left; the caller holds its lock.

    A folder that a kill caught between being put aside and being replaced comes back.
    """
    with contextlib.suppress(OSError):
        if len(path.stem) <= MAX_STEM_LENGTH:  # a longer one may be another file's
            for leftover in _find_leftovers(path):
                _remove_leftover(path, leftover)
        if path.is_dir():
            for entry in list(path.rglob(".*")):
                name = TEMPORARY_NAME.fullmatch(entry.name)
                if name and not _is_other_process(int(name["process"])):
                    discard(entry)


def temporary_path(path: Path) -> Path:
    """A unique temporary name beside ``path`` that :func:`clear_abandoned` recognises."""
    process = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return path.with_name(f".{path.stem[:MAX_STEM_LENGTH]}.{process}.partial{path.suffix}")


def _is_other_process(process: int) -> bool:
    """Whether another process of this number lives. In containers a rerun may have that of the killed run."""
    return process != os.getpid() and psutil.pid_exists(process)


def is_abandoned(path: Path) -> bool:
    """Whether the writer of a temporary file is gone.

    One that lives is known by the number in the name, whatever the clocks say; one on another machine by age alone.
    """
    name = TEMPORARY_NAME.fullmatch(path.name)
    return not (name and psutil.pid_exists(int(name["process"]))) and is_older(path, ABANDONED_AFTER_S)


def is_older(path: Path, seconds: float) -> bool:
    """Whether a file was last written so many seconds ago, as far as clocks can be trusted; False if it is gone."""
    try:
        return time.time() - path.stat().st_mtime > seconds
    except OSError:
        return False


def _find_leftovers(path: Path) -> list[re.Match[str]]:
    """Names of temporary files of ``path`` that lie beside it."""
    parts = (path.stem[:MAX_STEM_LENGTH], path.suffix)
    # Every write looks here, among ten thousand others perhaps: names alone, and the cheap test first.
    names = [name for name in os.listdir(path.parent) if name.startswith(f".{parts[0]}.")]  # noqa: PTH208
    matches = filter(None, map(TEMPORARY_NAME.fullmatch, names))
    return [leftover for leftover in matches if (leftover["stem"], leftover["suffix"] or "") == parts]


def _remove_leftover(path: Path, leftover: re.Match[str]) -> None:
    with contextlib.suppress(OSError):
        if leftover["kind"] == "aside" and not path.exists():
            path.with_name(leftover[0]).replace(path)
        else:
            discard(path.with_name(leftover[0]))


def _rename_into_place(temporary: Path, path: Path) -> None:
    """Rename to the final name; a folder cannot replace a folder in one step, so the old one is renamed first."""
    if temporary.is_file():
        # Else a power cut could leave the new name with nothing in it; a disk that is full may say so only here.
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
    if not (path.is_dir() and temporary.is_dir()):
        temporary.replace(path)
        return
    backup = temporary.with_name(".aside".join(temporary.name.rsplit(".partial", 1)))
    try:
        path.replace(backup)
        temporary.replace(path)
    finally:
        if backup.exists() and not path.exists():
            backup.replace(path)
        discard(backup)


def require_empty_folder(folder: Path, label: str = "a model") -> None:
    """Raise UsageError unless ``folder``, where ``label`` is to be written, is missing or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not {label}: choose another folder")


def discard(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def convert_os_error(error: OSError, path: Path) -> EffigieError:
    """Convert the error of a failed write to one that says what to do."""
    if error.errno in DISK_FULL_ERRNOS:
        return EffigieError(f"disk full while writing {path}: free some space and run the same command again")
    if error.errno in PERMISSION_ERRNOS:
        return EffigieError(f"no permission to write {path}: choose another output folder")
    reason = os.strerror(error.errno) if error.errno else error
    return EffigieError(f"cannot write {path}: {reason}")


def readable_name(name: str) -> str:
    """A file name for texts that must be Unicode: bytes that are no letters become escapes."""
    return name.encode("utf-8", JSON_ESCAPES).decode("utf-8")


def write_private_file(path: Path, data: bytes, *, replace: bool) -> bool:
    """Write a file that only its owner may read; without ``replace`` False, and no change, if one is there already."""
    temporary = path.with_name(f".{path.stem[:MAX_STEM_LENGTH]}.{uuid.uuid4().hex[:8]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
        if replace:
            temporary.replace(path)
        else:
            try:  # of two processes that write it at once, one must lose: a link never replaces
                os.link(temporary, path)
            except FileExistsError:
                return False
    except OSError as error:
        raise convert_os_error(error, path) from error
    finally:
        discard(temporary)
    return True


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, whole or not at all."""
    with atomic_write(path) as temporary:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8", errors=JSON_ESCAPES)


def read_json(path: Path) -> Any:
    """Read JSON from an untrusted file.

    Raises:
        ValueError: it is no JSON, or none that could have been written here: nested thousands deep, numbers beyond all
            bounds.
    """
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> Any:
    """Parse JSON from an untrusted text, as :func:`read_json`."""
    try:
        return json.loads(text, parse_float=_parse_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _parse_finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is beyond all bounds")
    return value


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files in a folder except hidden ones, or of a sequence."""
    if path.is_file():
        return sha256(path)
    digest = hashlib.sha256()
    if (pattern := parse_sequence_name(path)) is not None:
        for file in pattern.list_files().values():
            digest.update(f"{file.name}\0{sha256(file)}\0".encode(errors=NAME_BYTES))
        return digest.hexdigest()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and not any(part.startswith(".") for part in name.parts):
            digest.update(f"{name.as_posix()}\0{sha256(file)}\0".encode(errors=NAME_BYTES))
    return digest.hexdigest()
