"""Locks on outputs, so that only one process writes one: held by the operating system, they end with the process.

Beside ``anna.faces`` lies ``.anna.faces.lock`` while somebody writes there. A kill leaves that file, but not the lock.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

from effigie.errors import OutputLockedError, UsageError
from effigie.io.atomic_write import clear_abandoned

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

CAN_REMOVE_OPEN_FILES = fcntl is not None
"""Whether an open file can be removed, as everywhere but on Windows."""
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LOCK_HELD_ERRNOS = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
LOCKED_BYTE = 1 << 30  # Windows locks bytes, and nobody may read a locked one: this one is never written
MAX_NAME_LENGTH = 200


def try_lock(stream: IO[bytes]) -> bool:
    """Lock an open file until it is closed or the process ends; False if another open file holds the lock.

    OSError where the file system knows no locks.
    """
    try:
        if fcntl:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            stream.seek(LOCKED_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            stream.seek(0)
    except OSError as error:
        if error.errno in LOCK_HELD_ERRNOS:
            return False
        raise
    return True


@contextlib.contextmanager
def lock_output(path: Path) -> Iterator[None]:
    """Lock the output ``path``, a file or a folder, until the block ends; does not wait for the lock.

    What a killed writer of ``path`` left half-written is removed. Where no lock can be had (a folder that may not be
    written, a network disk without locks), the block runs all the same: the write will say what is wrong.

    Raises:
        OutputLockedError: another process, or another thread of this one, is writing it.
    """
    path = Path(path).absolute()
    lock = path.with_name(f".{path.name[:MAX_NAME_LENGTH]}.lock")
    created = _create_folders(path.parent)
    stream = None
    try:
        with contextlib.suppress(OSError):
            stream = _open_lock_file(lock)
        if stream is None:
            yield
            return
        with stream:
            clear_abandoned(path)
            try:
                yield
            finally:
                if CAN_REMOVE_OPEN_FILES:  # while it is held, so that nobody else's is
                    lock.unlink(missing_ok=True)
        if not CAN_REMOVE_OPEN_FILES:
            with contextlib.suppress(OSError):
                lock.unlink(missing_ok=True)
    finally:
        for folder in created:
            with contextlib.suppress(OSError):
                folder.rmdir()


def with_output_lock(argument: str) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Decorator that locks the path in the parameter ``argument`` while the function runs; see :func:`lock_output`.

    Of several processes that torchrun began for one training, the first holds the lock for all.
    """

    def wrap(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def locked_call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            if os.environ.get("RANK", "0") != "0":
                return function(*args, **kwargs)
            path: Any = signature.bind(*args, **kwargs).arguments[argument]
            if not Path(path).name:
                raise UsageError(f"{path} has no name: name a file or a folder in it")
            with lock_output(Path(path)):
                return function(*args, **kwargs)

        return locked_call

    return wrap


def _open_lock_file(lock: Path) -> IO[bytes]:
    """Open and lock the lock file, and write the id of this process into it; OSError where there can be none."""
    while True:
        stream = lock.open("a+b")
        try:
            if not try_lock(stream):
                stream.seek(0)
                owner = stream.read(20).strip().decode("ascii", "replace")
                owner_name = f"another effigie (process {owner})" if owner.isdigit() else "another effigie"
                raise OutputLockedError(
                    f"{owner_name} is writing {lock.parent / lock.name[1 : -len('.lock')]}: wait until it is done, "
                    "or choose another output"
                )
            # Whoever held it before may have removed it between opening and locking it here.
            if not CAN_REMOVE_OPEN_FILES or _is_same_file(stream, lock):
                stream.truncate(0)
                stream.write(f"{os.getpid()}\n".encode())
                stream.flush()
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()


def _is_same_file(stream: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _create_folders(folder: Path) -> list[Path]:
    """Create a folder and its parents; returns the new ones, innermost first, to be removed if they stay empty."""
    new = []
    while not folder.exists() and folder != folder.parent:
        new.append(folder)
        folder = folder.parent
    with contextlib.suppress(OSError):
        for one in reversed(new):
            one.mkdir(exist_ok=True)
    return new
