"""Writing a file or a folder whole or not at all: to a temporary name beside it, renamed when complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError, UsageError

CHUNK = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
EXPLAINED = FULL | FORBIDDEN | {errno.EFBIG, errno.EIO, errno.ENAMETOOLONG}
ABANDONED_S = 3600.0  # nobody writes a file without touching it for so long: its writer was killed


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix); rename it to ``path`` if the block succeeds.

    The block may create a file or a folder there. On any exception, Ctrl-C too, what it wrote is removed and
    ``path`` is left as it was. A full disk becomes one clear error. A kill leaves the temporary file, which a
    later call for the same ``path`` removes.

    Raises:
        EffigieError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    # Shortened, so that a name of the greatest allowed length still has a temporary one.
    stem = path.stem[:40]
    temporary = path.with_name(f".{stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent, f".{stem}.", f".partial{path.suffix}")
        yield temporary
        _put(temporary, path)
    except OSError as error:
        if error.errno in EXPLAINED:
            raise explain(error, path) from error
        raise
    finally:
        discard(temporary)


def _put(temporary: Path, path: Path) -> None:
    """Rename; a folder cannot replace a folder in one step, so the old one stands aside meanwhile."""
    if not (path.is_dir() and temporary.is_dir()):
        temporary.replace(path)
        return
    aside = temporary.with_name(f"{temporary.name}.old")
    try:
        path.replace(aside)
        temporary.replace(path)
    finally:
        if aside.exists() and not path.exists():
            aside.replace(path)
        discard(aside)


def _sweep(folder: Path, start: str, end: str) -> None:
    """Remove temporary files of a name that killed writers left behind."""
    for path in folder.iterdir():
        if path.name.startswith(start) and path.name.endswith((end, f"{end}.old")):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED_S:
                    discard(path)


def require_free(folder: Path, what: str = "a model") -> None:
    """Refuse a folder that something else lies in, or a file of its name.

    Args:
        folder: where something is to be written that is not there yet.
        what: the thing, for the message.

    Raises:
        UsageError: it is taken.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not {what}: choose another folder")


def discard(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def explain(error: OSError, path: Path) -> EffigieError:
    """The error of a failed write, in words that say what to do."""
    if error.errno in FULL:
        return EffigieError(f"disk full while writing {path}: free some space and run the same command again")
    if error.errno in FORBIDDEN:
        return EffigieError(f"no permission to write {path}: choose another output folder")
    reason = os.strerror(error.errno) if error.errno else error
    return EffigieError(f"cannot write {path}: {reason}")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def content_digest(path: Path) -> str:
    """SHA-256 of a file, or of names and contents of all that lies in a folder; hidden files and empty folders apart."""
    if path.is_file():
        return sha256(path)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and not any(part.startswith(".") for part in name.parts):
            digest.update(f"{name.as_posix()}\0{sha256(file)}\0".encode())
    return digest.hexdigest()
