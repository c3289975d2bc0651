"""A face set that lies behind fsspec, here for as long as it is added to."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from effigie.errors import FaceSetError
from effigie.faceset.index import INDEX
from effigie.io.storage import RemoteFolder, here, is_remote, safe_name

PART = re.compile(r"part-[\w-]+\.parquet")


@contextlib.contextmanager
def mirrored(output: str | Path) -> Iterator[Path]:
    """The face set's folder on this machine; a remote one is fetched, and what is new in it put back.

    Parts go first and the index last, so that whoever reads it meanwhile finds what the index names. What was finished
    is put back when the block fails, too. Two machines must not add to one remote face set at a time.

    Raises:
        FaceSetError: something else lies there.
        EffigieError: it cannot be fetched or put back.
    """
    if not is_remote(output):
        yield here(output)
        return
    address = str(output).rstrip("/")
    remote = RemoteFolder(address)
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        local = Path(folder) / safe_name(address)
        names = remote.names()
        if names and INDEX not in names:
            raise FaceSetError(f"{address} exists and is not a face set: choose another folder")
        before = {}
        for name in names:
            if name == INDEX or PART.fullmatch(name):
                remote.fetch(name, local / name)
                before[name] = (local / name).stat()
        try:
            yield local
        finally:
            if local.is_dir():
                parts = sorted(path.name for path in local.iterdir() if PART.fullmatch(path.name))
                for name in (*parts, INDEX):
                    now = (local / name).stat()
                    was = before.get(name)
                    if was is None or (was.st_mtime_ns, was.st_size) != (now.st_mtime_ns, now.st_size):
                        remote.put(local / name, name)
