"""Local files and files behind fsspec (``s3://``, ``gs://``, ``https://``, ``memory://`` ...).

What lies elsewhere is fetched to a temporary file for as long as it is needed; what is made is made here and uploaded
whole, under a temporary name until it is. ``file://`` is this machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from effigie.errors import EffigieError, MediaError, UsageError
from effigie.io.atomic_write import atomic_write, convert_os_error, discard

URL_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
FILE_SCHEME = "file://"
UNSAFE_CHARACTERS = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
MAX_NAME_BYTES = 150  # bytes; file systems allow 255, and suffixes and temporary names add some
# What servers say of a file's content.
CONTENT_HASH_KEYS = ("ETag", "etag", "md5Hash", "content_md5", "sha256")


def is_remote(name: str | Path) -> bool:
    """Whether a name is a URL other than ``file://``."""
    return isinstance(name, str) and bool(URL_SCHEME.match(name)) and not name.lower().startswith(FILE_SCHEME)


def local_path(name: str | Path) -> Path:
    """The path of a name that is not remote; ``file:///x`` is ``/x``."""
    text = str(name)
    return Path(text[len(FILE_SCHEME) :] if text.lower().startswith(FILE_SCHEME) else text).expanduser()


def absolute_name(name: str | Path) -> str:
    """The absolute path of a local name; a remote one as it is."""
    return str(name) if is_remote(name) else str(local_path(name).absolute())


def safe_name(url: str | Path) -> str:
    """The last part of a path or URL as a safe file name: no separators, not hidden."""
    text = str(url)
    if is_remote(text):
        text = text.split("://", 1)[1].split("?")[0].split("#")[0]
    name = UNSAFE_CHARACTERS.sub("_", text.rstrip("/").rsplit("/", 1)[-1]).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix[:16]) if stem else (name, "")
    return (_shorten(stem) or "clip") + suffix


def _shorten(stem: str) -> str:
    """The beginning of a name, of MAX_NAME_BYTES at most; what the locale cannot write becomes ``_``."""
    while stem:
        try:
            # Bytes of another locale, which are no letters, stay as they are: they are the file's name.
            if len(os.fsencode(stem)) <= MAX_NAME_BYTES:
                return stem
            stem = stem[:-1]
        except UnicodeEncodeError as error:
            stem = f"{stem[: error.start]}{'_' * (error.end - error.start)}{stem[error.end :]}"
    return stem


def open_filesystem(url: str) -> tuple[Any, str]:
    """Open the fsspec file system of a URL; returns it and the path in it.

    Raises:
        UsageError: no such kind of address, or the package for it is not installed.
        EffigieError: it cannot be reached.
    """
    import fsspec

    try:
        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url} cannot be opened: {_first_line(error)}") from error
    except Exception as error:  # every kind of store has errors of its own
        raise EffigieError(f"{url} cannot be reached: {_first_line(error)}") from error


def read_content_tag(url: str) -> str | None:
    """The server's hash or strong ETag of a remote file, with its size; None if it gives none."""
    system, path = open_filesystem(url)
    with contextlib.suppress(Exception):
        details = system.info(path)
        tag = next((str(details[key]) for key in CONTENT_HASH_KEYS if details.get(key)), None)
        if tag is not None and not tag.startswith("W/"):  # a weak tag is of what it means, not of its bytes
            return f"{tag} {details.get('size')}"
    return None


@contextlib.contextmanager
def local_copy(name: str | Path) -> Iterator[Path]:
    """Context manager that yields a local path of a file; a remote one is downloaded until the block ends.

    Raises:
        MediaError: it is not there.
        EffigieError: it cannot be fetched, or the disk is full.
    """
    if not is_remote(name):
        yield local_path(name)
        return
    url = str(name)
    system, path = open_filesystem(url)
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        copy = Path(folder) / safe_name(url)
        _download(system, path, url, copy)
        yield copy


@contextlib.contextmanager
def upload_on_exit(name: str | Path) -> Iterator[Path]:
    """Context manager that yields a local path to write a file to, and uploads it to ``name`` on success.

    A local path is handed out as it is: whoever writes it is to do so whole or not at all.
    """
    if not is_remote(name):
        yield local_path(name)
        return
    parent, _, last = str(name).rpartition("/")
    if last != safe_name(last):
        raise UsageError(f"{name} does not end in a file name: name the output itself")
    with RemoteFolder(parent).upload_on_exit(last, "") as temporary:
        yield temporary


def _download(system: Any, path: str, url: str, copy: Path) -> None:
    try:
        system.get_file(path, str(copy))
    except FileNotFoundError:
        raise MediaError(f"{url} does not exist: check the name") from None
    except OSError as error:
        raise (convert_os_error(error, copy) if error.errno else _storage_error("fetched", url, error)) from error
    except Exception as error:
        raise _storage_error("fetched", url, error) from error
    if not copy.is_file():
        raise MediaError(f"{url} is no file: name one")


def _storage_error(action: str, url: str, error: Exception) -> EffigieError:
    return EffigieError(f"{url} could not be {action}: {_first_line(error)}")


@contextlib.contextmanager
def _explain_errors(action: str, url: str) -> Iterator[None]:
    """One line for whatever a store raises, but for a file that is not there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        raise _storage_error(action, url, error) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class LocalFolder:
    """A folder on a local or shared disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def full_path(self, name: str) -> str:
        """The path of a file in the folder."""
        return str(self.path / name)

    def size(self, name: str) -> int | None:
        """Bytes of a file, 0 of a folder; None if there is none."""
        path = self.path / name
        try:
            return 0 if path.is_dir() else path.stat().st_size
        except OSError:
            return None

    def read(self, name: str) -> bytes | None:
        """A small file's bytes; None if there is none."""
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a small file atomically."""
        with atomic_write(self.path / name) as temporary:
            temporary.write_bytes(data)

    @contextlib.contextmanager
    def upload_on_exit(self, name: str, scratch: str) -> Iterator[Path]:
        """Context manager that yields a local path to write a file to, and puts it into the folder on success.

        Files written beside it (``<name>.notice.txt``) are put there first.

        Args:
            scratch: a subfolder of the caller's own: writers scan their folder for files that a kill left.
        """
        scratch_folder = self.path / scratch
        discard(scratch_folder)
        try:
            scratch_folder.mkdir(parents=True)
            temporary = scratch_folder / name
            yield temporary
            for path in (*(entry for entry in scratch_folder.iterdir() if entry != temporary), temporary):
                if path.is_dir():
                    with atomic_write(self.path / path.name) as target:
                        path.rename(target)
                elif not path.name.startswith("."):
                    path.replace(self.path / path.name)
        except OSError as error:
            raise convert_os_error(error, self.path / name) from error
        finally:
            discard(scratch_folder)


class RemoteFolder:
    """A folder, or a prefix of an object store, behind fsspec; as :class:`LocalFolder`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._system, self._path = open_filesystem(self._url)

    def full_path(self, name: str) -> str:
        return f"{self._url}/{name}"

    def size(self, name: str) -> int | None:
        self._system.invalidate_cache()  # others write there, too
        with contextlib.suppress(FileNotFoundError), _explain_errors("looked at", self.full_path(name)):
            return int(self._system.info(f"{self._path}/{name}").get("size") or 0)
        return None

    def read(self, name: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError), _explain_errors("read", self.full_path(name)):
            return bytes(self._system.cat_file(f"{self._path}/{name}"))
        return None

    def write(self, name: str, data: bytes) -> None:
        target = f"{self._path}/{name}"
        try:
            with contextlib.suppress(FileExistsError, NotImplementedError):
                self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(target, data)
        except Exception as error:
            raise _storage_error("written", self.full_path(name), error) from error

    @contextlib.contextmanager
    def upload_on_exit(self, name: str, scratch: str) -> Iterator[Path]:
        """As :meth:`LocalFolder.upload_on_exit`."""
        with tempfile.TemporaryDirectory(prefix="effigie-") as scratch_folder:
            temporary = Path(scratch_folder) / name
            yield temporary
            visible = sorted(path for path in Path(scratch_folder).iterdir() if not path.name.startswith("."))
            for path in (*(entry for entry in visible if entry != temporary), temporary):
                if not path.is_file():
                    raise UsageError(f"{self._url} cannot take a folder of frames: choose a video")
                self.upload(path, path.name)

    def list_names(self) -> list[str]:
        """Names of the files directly in the folder; empty if it does not exist."""
        self._system.invalidate_cache()
        with contextlib.suppress(FileNotFoundError), _explain_errors("listed", self._url):
            entries = self._system.ls(self._path, detail=False)
            return [str(path).rstrip("/").rpartition("/")[2] for path in entries]
        return []

    def download(self, name: str, target: Path) -> None:
        """Download a file of the folder to ``target``."""
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(self._system, f"{self._path}/{name}", self.full_path(name), target)

    def upload(self, path: Path, name: str) -> None:
        """Upload a file atomically: object stores show one when it is complete, other stores after the last step."""
        target = f"{self._path.rstrip('/')}/{name}"
        folder, _, last = target.rpartition("/")
        temporary = f"{folder}/.{last[:40]}.{uuid.uuid4().hex[:8]}.partial"
        try:
            with contextlib.suppress(FileExistsError, NotImplementedError):
                self._system.makedirs(folder, exist_ok=True)
            self._system.put_file(str(path), temporary)
            self._system.mv(temporary, target)
        except Exception as error:
            with contextlib.suppress(Exception):
                self._system.rm_file(temporary)
            raise _storage_error("uploaded", target, error) from error


StorageFolder: TypeAlias = LocalFolder | RemoteFolder


def open_folder(name: str | Path) -> StorageFolder:
    """Open the local or remote output folder of that name."""
    if is_remote(name):
        return RemoteFolder(str(name))
    path = local_path(name)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: name a folder for the results")
    return LocalFolder(path)
