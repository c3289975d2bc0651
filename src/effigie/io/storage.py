"""Files on this machine or anywhere that fsspec reaches (``s3://``, ``gs://``, ``https://``, ``memory://`` ...).

What lies elsewhere is fetched to a temporary file for as long as it is needed; what is made is made here and uploaded
whole, under a temporary name until it is. ``file://`` is this machine.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.atomic import atomic, discard, explain

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
FILE = "file://"
UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
LONGEST_NAME = 150  # bytes; file systems allow 255, and suffixes and temporary names add some
TELLING = ("ETag", "etag", "md5Hash", "content_md5", "sha256")  # what servers say of a file's content


def is_remote(name: str | Path) -> bool:
    """Whether a name is an address that is not on this machine's disks."""
    return isinstance(name, str) and bool(ADDRESS.match(name)) and not name.lower().startswith(FILE)


def here(name: str | Path) -> Path:
    """The path of a name that is not remote; ``file:///x`` is ``/x``."""
    text = str(name)
    return Path(text[len(FILE) :] if text.lower().startswith(FILE) else text).expanduser()


def absolute(name: str | Path) -> str:
    """The name as it is understood from any folder."""
    return str(name) if is_remote(name) else str(here(name).absolute())


def safe_name(address: str | Path) -> str:
    """The last part of a path or address, as a file name that stays in its folder: no separators, not hidden."""
    text = str(address)
    if is_remote(text):
        text = text.split("://", 1)[1].split("?")[0].split("#")[0]
    name = UNSAFE.sub("_", text.rstrip("/").rsplit("/", 1)[-1]).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix[:16]) if stem else (name, "")
    return (stem.encode()[:LONGEST_NAME].decode(errors="ignore") or "clip") + suffix


def opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        UsageError: no such kind of address, or the package for it is not installed.
        EffigieError: it cannot be reached.
    """
    import fsspec

    try:
        return fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{address} cannot be opened: {_words(error)}") from error
    except Exception as error:  # every kind of store has errors of its own
        raise EffigieError(f"{address} cannot be reached: {_words(error)}") from error


def content_token(address: str) -> str | None:
    """What a server says a remote file's content is, without fetching it; None if it says nothing certain."""
    system, path = opened(address)
    with contextlib.suppress(Exception):
        about = system.info(path)
        said = next((str(about[key]) for key in TELLING if about.get(key)), None)
        if said is not None and not said.startswith("W/"):  # a weak tag is of what it means, not of its bytes
            return f"{said} {about.get('size')}"
    return None


@contextlib.contextmanager
def near(name: str | Path) -> Iterator[Path]:
    """A path on this machine under which a file can be read until the block ends.

    Raises:
        MediaError: it is not there.
        EffigieError: it cannot be fetched, or the disk is full.
    """
    if not is_remote(name):
        yield here(name)
        return
    address = str(name)
    system, path = opened(address)
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        copy = Path(folder) / safe_name(address)
        _fetch(system, path, address, copy)
        yield copy


@contextlib.contextmanager
def delivered(name: str | Path) -> Iterator[Path]:
    """A path on this machine to make a single file at; when the block ends well, it lies under ``name``.

    A local path is handed out as it is: whoever writes it is to do so whole or not at all.
    """
    if not is_remote(name):
        yield here(name)
        return
    parent, _, last = str(name).rpartition("/")
    if last != safe_name(last):
        raise UsageError(f"{name} does not end in a file name: name the output itself")
    with RemoteFolder(parent).delivered(last, "") as made:
        yield made


def _fetch(system: Any, path: str, address: str, copy: Path) -> None:
    try:
        system.get_file(path, str(copy))
    except FileNotFoundError:
        raise MediaError(f"{address} does not exist: check the name") from None
    except OSError as error:
        raise (explain(error, copy) if error.errno else _failed("fetched", address, error)) from error
    except Exception as error:
        raise _failed("fetched", address, error) from error
    if not copy.is_file():
        raise MediaError(f"{address} is no file: name one")


def _upload(system: Any, path: Path, target: str) -> None:
    """Whole or not at all: object stores show a file when it is complete, the others after the last step."""
    folder, _, name = target.rpartition("/")
    temporary = f"{folder}/.{name[:40]}.{uuid.uuid4().hex[:8]}.partial"
    try:
        with contextlib.suppress(FileExistsError, NotImplementedError):
            system.makedirs(folder, exist_ok=True)
        system.put_file(str(path), temporary)
        system.mv(temporary, target)
    except Exception as error:
        with contextlib.suppress(Exception):
            system.rm_file(temporary)
        raise _failed("uploaded", target, error) from error


def _failed(what: str, address: str, error: Exception) -> EffigieError:
    return EffigieError(f"{address} could not be {what}: {_words(error)}")


def _words(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class Folder(Protocol):
    """A folder that results go into, wherever it lies."""

    def path_of(self, name: str) -> str:
        """The whole name of a file in it."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes of a file, 0 of a folder; None if there is none."""
        ...

    def read(self, name: str) -> bytes | None:
        """A small file's bytes; None if there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put a small file there, whole or not at all."""
        ...

    def delivered(self, name: str, scratch: str) -> contextlib.AbstractContextManager[Path]:
        """A path on this machine to make a file at; when the block ends well, it lies in the folder under ``name``.

        What is made beside it (``<name>.notice.txt``) goes along, and is there first.

        Args:
            scratch: a folder of the caller's alone, within this one, to make it in where that can be.
        """
        ...


class LocalFolder:
    """A folder on this machine's disks, or on one that several machines share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def path_of(self, name: str) -> str:
        return str(self.path / name)

    def size(self, name: str) -> int | None:
        path = self.path / name
        try:
            return 0 if path.is_dir() else path.stat().st_size
        except OSError:
            return None

    def read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        with atomic(self.path / name) as temporary:
            temporary.write_bytes(data)

    @contextlib.contextmanager
    def delivered(self, name: str, scratch: str) -> Iterator[Path]:
        """See :class:`Folder`. Made apart: whoever writes a file looks through its folder for what a kill left."""
        apart = self.path / scratch
        discard(apart)
        try:
            apart.mkdir(parents=True)
            made = apart / name
            yield made
            for path in (*(other for other in apart.iterdir() if other != made), made):
                if path.is_dir():
                    with atomic(self.path / path.name) as temporary:
                        path.rename(temporary)
                elif not path.name.startswith("."):
                    path.replace(self.path / path.name)
        except OSError as error:
            raise explain(error, self.path / name) from error
        finally:
            discard(apart)


class RemoteFolder:
    """A folder, or what object stores have for one, behind fsspec."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._system, self._path = opened(self._address)

    def path_of(self, name: str) -> str:
        return f"{self._address}/{name}"

    def size(self, name: str) -> int | None:
        self._system.invalidate_cache()  # others write there, too
        try:
            return int(self._system.info(f"{self._path}/{name}").get("size") or 0)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _failed("looked at", self.path_of(name), error) from error

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self._system.cat_file(f"{self._path}/{name}"))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise _failed("read", self.path_of(name), error) from error

    def write(self, name: str, data: bytes) -> None:
        target = f"{self._path}/{name}"
        try:
            with contextlib.suppress(FileExistsError, NotImplementedError):
                self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(target, data)
        except Exception as error:
            raise _failed("written", self.path_of(name), error) from error

    @contextlib.contextmanager
    def delivered(self, name: str, scratch: str) -> Iterator[Path]:
        """See :class:`Folder`."""
        with tempfile.TemporaryDirectory(prefix="effigie-") as apart:
            made = Path(apart) / name
            yield made
            shown = sorted(path for path in Path(apart).iterdir() if not path.name.startswith("."))
            for path in (*(other for other in shown if other != made), made):
                if not path.is_file():
                    raise UsageError(f"{self._address} cannot take a folder of frames: choose a video")
                self.put(path, path.name)

    def names(self) -> list[str]:
        """Of what lies directly in it; empty if it is not there."""
        self._system.invalidate_cache()
        try:
            found = self._system.ls(self._path, detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _failed("listed", self._address, error) from error
        return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file of it here."""
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(self._system, f"{self._path}/{name}", self.path_of(name), target)

    def put(self, path: Path, name: str) -> None:
        """Copy a file there, whole or not at all."""
        _upload(self._system, path, f"{self._path.rstrip('/')}/{name}")


def folder(name: str | Path) -> Folder:
    """The folder of that name.

    Raises:
        UsageError: it is a file, or no address that can be opened.
    """
    if is_remote(name):
        return RemoteFolder(str(name))
    path = here(name)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: name a folder for the results")
    return LocalFolder(path)
