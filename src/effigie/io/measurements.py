"""Measurements that are made once and kept in the cache folder: JSON values by what they were measured of.

Nothing depends on them: one that is missing, damaged or cannot be written is made anew.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.resources
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from effigie._version import __version__
from effigie.errors import EffigieError
from effigie.io.atomic_write import discard, read_json, write_json

MAX_FILES = 400  # of one kind; the least recently read go


def cache_root() -> Path:
    """The folder of what can be fetched or measured again; ``EFFIGIE_CACHE`` moves it."""
    return Path(os.environ.get("EFFIGIE_CACHE") or platformdirs.user_cache_path("effigie"))


def measure_once(kind: str, key: str, measure: Callable[[], Any], is_valid: Callable[[Any], bool]) -> Any:
    """What ``measure`` returned when it was last called for this key by this installation of effigie; JSON values.

    Args:
        kind: a word; names the folder.
        key: everything that the result depends on.
        is_valid: whether a stored value has the form of a measured one: the file may be anybody's.
    """
    name = hashlib.sha256(f"{_describe_code()} {key}".encode()).hexdigest()[:32]
    path = cache_root() / kind / f"{name}.json"
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        value = read_json(path)["value"]
        if is_valid(value):
            os.utime(path)
            return value
    value = measure()
    with contextlib.suppress(OSError, EffigieError):
        write_json(path, {"value": value})
        _prune(path.parent)
    return value


@functools.cache
def _describe_code() -> str:
    """Digest of version, and of size and time of every source file: other code measures anew."""
    digest = hashlib.sha256(__version__.encode())
    package = Path(str(importlib.resources.files("effigie")))
    for file in sorted(package.rglob("*.py")):
        status = file.stat()
        digest.update(f"{file.relative_to(package)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in files[:-MAX_FILES]:
        discard(old)
