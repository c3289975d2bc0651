"""Writing a file or a folder whole or not at all: to a temporary name beside it, renamed when complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from effigie.errors import EffigieError

CHUNK = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
EXPLAINED = FULL | FORBIDDEN


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix); rename it to ``path`` if the block succeeds.

    The block may create a file or a folder there. On any exception, Ctrl-C included, what it wrote is removed
    and ``path`` is left as it was. A full disk becomes one clear error.

    Raises:
        EffigieError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.is_dir() and temporary.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in EXPLAINED:
            raise explain(error, path) from error
        raise
    finally:
        discard(temporary)


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
    return EffigieError(f"cannot write {path}: {error.strerror or error}")


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
