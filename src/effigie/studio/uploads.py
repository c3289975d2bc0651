"""Uploads: files streamed into the workspace, whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from effigie.errors import EffigieError, UsageError
from effigie.io.atomic_write import convert_os_error, discard, temporary_path
from effigie.io.storage import safe_name
from effigie.studio.library import PICTURE_SUFFIXES, VIDEO_SUFFIXES

MAX_BYTES = 64 << 30  # of a file
RESERVE_BYTES = 512 << 20  # that stay free on the disk
DOCUMENT_SUFFIXES = (".pdf", ".txt", ".md", ".wav", ".mp3", ".m4a", ".flac", ".ogg")


def choose_name(folder: Path, name: str, suffixes: tuple[str, ...] = ()) -> Path:
    """A free name in ``folder`` after the one that a browser told.

    Args:
        suffixes: endings of names; none allows every name.

    Raises:
        UsageError: a file of that kind is not taken.
    """
    safe = safe_name(name.replace("\\", "/").rsplit("/", 1)[-1])
    path = folder / safe
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"{safe} is not taken here: choose a file that ends in {', '.join(suffixes)}")
    number = 2
    while path.exists():
        path = folder / f"{Path(safe).stem}-{number}{Path(safe).suffix}"
        number += 1
    return path


def clip_suffixes() -> tuple[str, ...]:
    return (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES)


async def receive_file(chunks: AsyncIterator[bytes], path: Path, size: int | None, limit: int = MAX_BYTES) -> int:
    """Write what comes in to ``path``; returns the number of bytes. What breaks off leaves nothing.

    Args:
        size: bytes that the request said would come, if it did.

    Raises:
        UsageError: larger than ``limit``, or it broke off.
        EffigieError: the disk is too full, or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if size is not None and size > limit:
        raise UsageError(f"{path.name} is too large: up to {limit >> 20} MB are taken; put it into the folder yourself")
    free = shutil.disk_usage(path.parent).free
    if size is not None and size + RESERVE_BYTES > free:
        raise EffigieError(f"there is no room for {path.name}: {free >> 20} MB are free; free some space")
    temporary, count = temporary_path(path), 0
    try:
        with temporary.open("xb") as stream:
            temporary.chmod(0o600)
            async for chunk in chunks:
                count += len(chunk)
                if count > limit or (size is not None and count > size):
                    raise UsageError(f"{path.name} is larger than it said, or than {limit >> 20} MB")
                stream.write(chunk)
        if size is not None and count != size:
            raise UsageError(f"{path.name} broke off after {count} of {size} bytes: send it again")
        temporary.replace(path)
    except OSError as error:
        raise convert_os_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            discard(temporary)
    return count
