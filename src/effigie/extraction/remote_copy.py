"""Local copy of a face set behind fsspec while faces are added to it."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from effigie.errors import FaceSetError
from effigie.faceset.index import INDEX_FILE
from effigie.io.storage import RemoteFolder, is_remote, local_path, safe_name

PART_NAME = re.compile(r"part-[\w-]+\.parquet")


@contextlib.contextmanager
def local_faceset(output: str | Path) -> Iterator[Path]:
    """Context manager of a face set's local folder; a remote one is downloaded, and changes are uploaded.

    Parts go first and the index last, so that whoever reads it meanwhile finds what the index names. What was finished
    is put back when the block fails, too. Two machines must not add to one remote face set at a time.
    """
    if not is_remote(output):
        yield local_path(output)
        return
    url = str(output).rstrip("/")
    remote = RemoteFolder(url)
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        local = Path(folder) / safe_name(url)
        names = remote.list_names()
        if names and INDEX_FILE not in names:
            raise FaceSetError(f"{url} exists and is not a face set: choose another folder")
        fetched = {}
        for name in names:
            if name == INDEX_FILE or PART_NAME.fullmatch(name):
                remote.download(name, local / name)
                fetched[name] = _version(local / name)
        try:
            yield local
        finally:
            if local.is_dir():
                parts = sorted(path.name for path in local.iterdir() if PART_NAME.fullmatch(path.name))
                for name in (*parts, INDEX_FILE):
                    if fetched.get(name) != _version(local / name):
                        remote.upload(local / name, name)


def _version(path: Path) -> tuple[int, int]:
    """Time of change and size, by which a changed file is known."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size
