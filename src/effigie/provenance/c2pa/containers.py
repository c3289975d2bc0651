"""File formats that can carry content credentials, and the stream that the C2PA library reads from."""

from __future__ import annotations

import io
import json
import mmap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from effigie.errors import EffigieError

if TYPE_CHECKING:
    import c2pa

EMBEDDABLE = {
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}
"""Suffix → MIME type of what holds its credentials itself."""
SIDECAR_ONLY = {".mkv": "video/x-matroska", ".opus": "audio/ogg", ".ogg": "audio/ogg"}
"""What C2PA knows no place in: the manifest lies beside it, bound to it by the hash of all its bytes."""
READABLE = {
    **EMBEDDABLE,
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avi": "video/avi",
}
"""What may bring credentials along."""

IN_PLACE = ("video/mp4", "video/x-m4v", "video/quicktime", "audio/mp4")
"""MIME types of what can be signed without a copy of it."""

TIMEOUT_S, MIN_BYTES_PER_S = 60.0, 10e6  # seconds, bytes a second
JUMBF_TAIL = bytes.fromhex("00110010800000aa00389b71")
"""Last 12 bytes of every UUID that names a kind of box in a manifest."""
MAX_MEMORY_MB = 32
"""Of a file that is signed; the rest waits in a temporary file. The library would take 512."""
MAX_SCANNED_BYTES = 64 << 20
"""Bytes from either end of a file in which the remains of a manifest are looked for; it stands near the front."""


def supports_embedding(path: Path) -> bool:
    """Whether a file of this name can hold its credentials itself."""
    return path.suffix.lower() in EMBEDDABLE


def sidecar_path(path: Path) -> Path:
    """Where C2PA tools look for the manifest of a file that cannot hold one: ``clip.c2pa`` for ``clip.mkv``."""
    return path.with_suffix(".c2pa")


def create_context(
    anchors: str = "", timestamp_authority: str | None = None, signer: c2pa.Signer | None = None
) -> c2pa.Context:
    """The library's settings: nothing is contacted but the time-stamp authority, if there is one.

    Args:
        anchors: roots whose signers count as trusted, PEM.
        signer: for signing in place; it must not be used otherwise any more.
    """
    import c2pa

    host = urlsplit(timestamp_authority).hostname if timestamp_authority else None
    settings = {
        "version": 1,
        "trust": {"user_anchors": anchors} if anchors else {},
        "core": {
            "allowed_network_hosts": [host] if host else [],
            "backing_store_memory_threshold_in_mb": MAX_MEMORY_MB,
        },
        "verify": {
            "verify_after_reading": True,
            # The signer of one's own output need not be trusted here; reading says what it is.
            "verify_after_sign": False,
            "verify_trust": True,
            "verify_timestamp_trust": True,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
        "builder": {
            # A thumbnail would show the input to whoever gets the output.
            "thumbnail": {"enabled": False},
            "certificate_status_fetch": None,
            "created_assertion_labels": ["c2pa.actions", "c2pa.soft-binding", "org.effigie.output"],
        },
    }
    return c2pa.Context.from_json(json.dumps(settings), signer)


class WatchdogStream(io.RawIOBase):
    """A file stream that raises after a timeout, so that a library which loops over it ends.

    It has a minute, and a second more for every 10 MB; a gigabyte takes a few seconds.

    Attributes:
        late: the TimeoutError that ``read`` and ``seek`` raise then; the library reports another.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end = time.monotonic() + TIMEOUT_S + stream.seek(0, io.SEEK_END) / MIN_BYTES_PER_S
        stream.seek(0)
        self.late: TimeoutError | None = None

    def _check(self) -> None:
        if time.monotonic() > self._end:
            self.late = TimeoutError("it took too long")
            raise self.late

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._stream.read(size)

    def readinto(self, buffer: Any) -> int:
        self._check()
        return self._stream.readinto(buffer)  # type: ignore[attr-defined]

    def seek(self, offset: int, whence: int = 0) -> int:
        self._check()
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


@contextmanager
def open_ordinary_file(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file for a :class:`WatchdogStream`; EffigieError if it cannot be read."""
    if not path.is_file():  # a pipe or a device would be waited for
        raise EffigieError(f"{path} is not a file: check the path")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise EffigieError(f"cannot read {path} ({error.strerror}): check the path") from error
    with stream:
        yield stream


def has_manifest_fragments(path: Path) -> bool:
    """Whether parts of a manifest lie in a file, though none can be read from it."""
    with open_ordinary_file(path) as stream:
        size = path.stat().st_size
        if not size:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            last = max(MAX_SCANNED_BYTES, size - MAX_SCANNED_BYTES)
            return _has_boxes(data, 0, min(size, MAX_SCANNED_BYTES)) or _has_boxes(data, last, size)


def _has_boxes(data: mmap.mmap, start: int, stop: int) -> bool:
    # One could be chance or a quotation; a manifest has one for every box.
    count = 0
    while count < 3 and (position := data.find(JUMBF_TAIL, start, stop)) >= 0:
        count, start = count + 1, position + 1
    return count == 3
