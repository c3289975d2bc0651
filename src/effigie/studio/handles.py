"""Handles: ids that stand for files, so that the browser never sends a path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from effigie.errors import EffigieError

ID_PATTERN = "[0-9a-f]{16}"


class UnknownIdError(EffigieError):
    """An id stands for nothing, for something that has vanished, or for what lies outside the allowed folders."""


class Handles:
    """Ids of files and folders under some roots. An id stays the same for a path, in every run.

    Args:
        roots: folders below which files may be read; a link that leads out of them is refused.
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._paths: dict[str, Path] = {}

    def issue(self, path: Path) -> str:
        """The id of a path, 16 hex digits."""
        handle = hashlib.blake2s(str(path).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
        self._paths[handle] = path
        return handle

    def resolve(self, handle: str) -> Path:
        """The path of an id, as it was given.

        Raises:
            UnknownIdError: no such id, the file has gone, or it now leads out of the roots.
        """
        path = self._paths.get(handle)
        if path is None:
            raise UnknownIdError("there is no such file: load the page again")
        if not path.exists():
            raise UnknownIdError(f"{path.name} is gone: it was moved or removed")
        if not self.is_allowed(path):
            raise UnknownIdError(f"{path.name} leads out of the workspace and the media folders: copy it into one")
        return path

    def is_allowed(self, path: Path) -> bool:
        """Whether a path, links followed, lies in one of the roots."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        return any(real == root or root in real.parents for root in self.roots)
